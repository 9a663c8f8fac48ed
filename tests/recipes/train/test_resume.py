"""Runs that go on in the recipe: settings, data and what differs."""

import dataclasses
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from lumina_cli.core.checkpoint.model_file import load_checkpoint, load_model, save_checkpoint
from lumina_cli.core.training.events import StepDone
from lumina_cli.core.training.parallel import threads as workers
from lumina_cli.errors import (
    DataError,
    MissingInputError,
    ModelFileError,
    StorageError,
    UsageError,
)
from lumina_cli.recipes.run.events import CheckpointSaved, SaveFailed
from lumina_cli.recipes.run.run import TrainingRun
from lumina_cli.recipes.train.pretrain import pretrain
from lumina_cli.recipes.train.resume import Resumed, find_run
from lumina_cli.renamed_settings import with_first_names
from lumina_cli.settings import TRAIN_CONFIGS, resolve_settings
from tests.recipes.train.test_pretrain import TINY, VERSE


def begun(folder: Path, **flags: object) -> TrainingRun:
    data = folder / "text.txt"
    if not data.exists():
        data.write_text(VERSE, encoding="utf-8")
    given = {**TINY, "dropout": 0.2, "max_steps": 20, **flags}
    settings = resolve_settings(TRAIN_CONFIGS, flags=given, environ={})
    return pretrain(settings, data=[data], out=folder / "Model.pth")


def found(folder: Path, **flags: object) -> Resumed:
    return find_run(None, out=folder / "Model.pth", default_out=Path("Model.pth"), flags=flags)


def gone_on(folder: Path, **flags: object) -> TrainingRun:
    resumed = found(folder, **flags)
    return pretrain(resumed.settings, data=resumed.data, out=resumed.out, resumed=resumed)


def interrupt(run: TrainingRun, *, step: int) -> None:
    for event in run.run():
        if isinstance(event, StepDone) and event.step == step:
            run.stop()


def newest(folder: Path) -> dict[str, Any]:
    checkpoint = found(folder).found.checkpoint
    return {name: tensor.tolist() for name, tensor in checkpoint.tensors.items()}


def test_a_run_that_was_stopped_ends_as_the_one_that_was_not(tmp_path: Path) -> None:
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    list(begun(tmp_path / "whole").run())
    interrupt(begun(tmp_path / "stopped"), step=7)
    list(gone_on(tmp_path / "stopped").run())
    assert newest(tmp_path / "whole") == newest(tmp_path / "stopped")
    models = [load_model(tmp_path / name / "Model.pth") for name in ("whole", "stopped")]
    assert models[0].metadata["val_nats_per_char"] == models[1].metadata["val_nats_per_char"]


def test_settings_are_kept_and_changes_are_told(tmp_path: Path) -> None:
    interrupt(begun(tmp_path, weight_decay=0.5), step=3)
    resumed = found(tmp_path, learning_rate="0.001", max_steps="30")
    values = resumed.settings.values()
    assert (values["weight_decay"], values["max_steps"]) == (0.5, 30)
    assert resumed.notices == ("learning_rate is 0.001 from here on; it was 0.01",)


def test_settings_that_were_kept_by_their_old_names_go_on(tmp_path: Path) -> None:
    interrupt(begun(tmp_path, num_evals=3, oasst_lang="de", position_encoding="rotary"), step=3)
    path = found(tmp_path).found.path
    checkpoint = load_checkpoint(path)
    settings = with_first_names(checkpoint.metadata["settings"])
    assert settings["evaluations"] == 3
    metadata = {**checkpoint.metadata, "settings": settings}
    save_checkpoint(path, dataclasses.replace(checkpoint, metadata=metadata))
    resumed = found(tmp_path, max_steps="8", evaluations="2")
    assert resumed.settings.notices == ("--evaluations is now called --num-evals",)
    assert not resumed.notices
    values = resumed.settings.values()
    assert (values["num_evals"], values["oasst_lang"]) == (2, "de")
    assert values["position_encoding"] == "rotary"
    run = pretrain(resumed.settings, data=resumed.data, out=resumed.out, resumed=resumed)
    assert sum(isinstance(event, StepDone) for event in run.run()) == 5


def test_what_can_not_change_is_refused(tmp_path: Path) -> None:
    interrupt(begun(tmp_path), step=3)
    with pytest.raises(UsageError, match="hidden_size is 16 in the checkpoint"):
        found(tmp_path, hidden_size="32")


def test_other_data_is_refused(tmp_path: Path) -> None:
    interrupt(begun(tmp_path), step=3)
    (tmp_path / "text.txt").write_text(VERSE + "another line\n", encoding="utf-8")
    with pytest.raises(DataError, match="not what"):
        gone_on(tmp_path)


def test_another_machine_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(begun(tmp_path), step=3)
    facts = {"torch": "1.0", "device": "cpu", "threads": 99, "cpu": "another"}
    monkeypatch.setattr(
        "lumina_cli.recipes.train.resume_checks.machine_facts", lambda device: facts
    )
    notices = " ".join(gone_on(tmp_path).job.notices)
    assert "torch is 1.0 now" in notices
    assert "threads is 99 now" in notices


@pytest.fixture
def two_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(workers, "_num_cores", lambda: 2)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("change", [{}, {"batch_size": "2"}], ids=["same batches", "others"])
def test_other_pieces_for_want_of_memory_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, str]
) -> None:
    interrupt(begun(tmp_path), step=3)
    assert "at once" not in " ".join(gone_on(tmp_path).notices)
    monkeypatch.setattr("lumina_cli.recipes.train.compute.windows_at_once", lambda *_, **__: 2)
    monkeypatch.setattr(workers, "available_memory_bytes", lambda _: 0)
    notices = " ".join(gone_on(tmp_path, **change).notices)
    assert ("number of windows at once is 2 now and was 4" in notices) == (not change)
    assert ("that share a step is 1 now and was 2" in notices) == (not change)


def test_without_a_run_the_way_to_begin_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="no run to go on with"):
        found(tmp_path)


def test_a_new_run_moves_the_old_one_aside_where_it_can_be_gone_on_with(tmp_path: Path) -> None:
    interrupt(begun(tmp_path), step=3)
    interrupt(begun(tmp_path), step=5)
    previous = tmp_path / "Model.previous.run"
    resumed = find_run(previous, out=None, default_out=Path("Model.pth"), flags={})
    assert resumed.found.checkpoint.state["num_steps"] == 3
    assert resumed.out == tmp_path / "Model.previous.pth"
    assert found(tmp_path).found.checkpoint.state["num_steps"] == 5


def fail(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_that_is_full_for_a_while_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = []
    with monkeypatch.context() as full:
        for event in begun(tmp_path, save_every="4", num_evals=1, snapshots_mb=0).run():
            events.append(event)
            if isinstance(event, StepDone) and event.step == 6:
                full.setattr(os, "fsync", fail)
            if isinstance(event, SaveFailed):
                full.undo()
    assert [event.step for event in events if isinstance(event, SaveFailed)] == [8]
    saved = [event.step for event in events if isinstance(event, CheckpointSaved)]
    assert saved == [0, 4, 12, 16, 20, 20]  # the last time with the evaluation


def run_until_full(run: TrainingRun, *, step: int, full: pytest.MonkeyPatch) -> None:
    for event in run.run():
        if isinstance(event, StepDone) and event.step == step:
            full.setattr(os, "fsync", fail)


def test_a_disk_that_stays_full_ends_the_run_with_the_last_checkpoint_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(tmp_path, save_every="2", num_evals=1)
    with monkeypatch.context() as full, pytest.raises(StorageError, match="third time") as caught:
        run_until_full(run, step=7, full=full)
    assert f"lumina train --resume --out {tmp_path / 'Model.pth'}" in caught.value.hint
    assert load_checkpoint(found(tmp_path).found.path).state["num_steps"] == 6


def test_the_last_checkpoint_knows_of_the_evaluation_after_the_same_step(tmp_path: Path) -> None:
    list(begun(tmp_path, save_every="5", num_evals=2).run())
    values = found(tmp_path).found.checkpoint.state
    assert values["evaluated_step"] == 20
    assert values["best_step"] == load_model(tmp_path / "Model.pth").metadata["steps"]


def test_checkpoints_that_going_back_will_cost_are_told(tmp_path: Path) -> None:
    list(begun(tmp_path, save_every="5", keep_checkpoints=4, num_evals=1).run())
    checkpoints = tmp_path / "Model.run" / "checkpoints"
    older = checkpoints / "step-00000010.pth"
    resumed = find_run(older, out=None, default_out=Path("Model.pth"), flags={})
    assert [notice for notice in resumed.notices if "later steps (15, 20)" in notice]
    assert found(tmp_path).notices == ()


def with_settings(path: Path, **changes: object) -> None:
    checkpoint = load_checkpoint(path)
    settings = {**checkpoint.metadata["settings"], **changes}
    metadata = {**checkpoint.metadata, "settings": settings}
    save_checkpoint(path, dataclasses.replace(checkpoint, metadata=metadata))


def test_settings_that_can_not_be_are_called_damage(tmp_path: Path) -> None:
    interrupt(begun(tmp_path), step=1)
    path = found(tmp_path).found.path
    whole = path.read_bytes()
    for changes in (
        {"batch_size": -1},
        {"grad_accum": "x"},
        {"positions": "rotary"},
        {"hidden_size": 1024},
    ):
        with_settings(path, **changes)
        with pytest.raises(ModelFileError, match="is damaged: "):
            found(tmp_path)
        path.write_bytes(whole)


def test_a_number_that_is_spelled_as_text_goes_on(tmp_path: Path) -> None:
    interrupt(begun(tmp_path), step=1)
    with_settings(found(tmp_path).found.path, batch_size=" 2.0 ")
    list(gone_on(tmp_path, max_steps=2).run())


def test_a_run_that_goes_on_under_another_name_keeps_what_has_it(tmp_path: Path) -> None:
    interrupt(begun(tmp_path), step=10)
    resumed = found(tmp_path)
    other = tmp_path / "Other.pth"
    data = [tmp_path / "text.txt"]
    settings = resolve_settings(TRAIN_CONFIGS, flags={**TINY, "max_steps": 2}, environ={})
    list(pretrain(settings, data=data, out=other).run())
    before = other.read_bytes()
    run = pretrain(
        resumed.settings, data=data, out=other, resumed=dataclasses.replace(resumed, out=other)
    )
    assert any("is kept as" in notice for notice in run.notices)
    list(run.run())
    assert (tmp_path / "Other.previous.pth").read_bytes() == before
    assert (tmp_path / "Other.previous.run" / "metrics.jsonl").exists()
    assert load_model(other).metadata["steps"] > 2
    assert found(tmp_path).found.checkpoint.state["num_steps"] == 10


def test_a_run_whose_model_is_gone_leaves_one_again(tmp_path: Path) -> None:
    list(begun(tmp_path).run())
    (tmp_path / "Model.pth").unlink()
    list(gone_on(tmp_path).run())
    assert load_model(tmp_path / "Model.pth").metadata["steps"] == 20


@pytest.mark.parametrize(
    ("limit", "told"),
    [
        ({}, "20 of 20 max_steps"),
        ({"max_steps": 5}, "20 of 5 max_steps"),
        ({"max_steps": 40}, None),
        ({"epochs": 1_000}, None),
    ],
)
def test_where_nothing_is_left_to_learn_that_is_told(
    tmp_path: Path, limit: dict[str, object], told: str | None
) -> None:
    list(begun(tmp_path).run())
    notices = [notice for notice in gone_on(tmp_path, **limit).notices if "left to" in notice]
    assert [told in notice for notice in notices] == ([True] if told else [])
