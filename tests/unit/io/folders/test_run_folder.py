"""The folder beside a model."""

import errno
import json
import math
import os
import tomllib
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from lumina_cli.core.training.events import (
    EpochDone,
    Evaluated,
    Finished,
    LossSpiked,
    Sampled,
    StepDone,
)
from lumina_cli.errors import OutputError
from lumina_cli.io.atomic import write_atomically
from lumina_cli.io.folders import run_folder
from lumina_cli.io.folders.run_folder import RunFolder, Thinning, check_free
from lumina_cli.recipes.run.run_backup import back_up_run


def started(path: Path) -> RunFolder:
    folder = RunFolder(path / "Model.pth")
    folder.start({"seed": 1, "max_steps": None})
    return folder


def lines(path: Path) -> list[Any]:
    text = (path / "Model.run" / "metrics.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_the_folder_lies_beside_the_model_and_has_its_name(tmp_path: Path) -> None:
    assert RunFolder(tmp_path / "my.Model.pth").path == tmp_path / "my.Model.run"


def test_settings_are_written_as_a_settings_file(tmp_path: Path) -> None:
    started(tmp_path)
    text = (tmp_path / "Model.run" / "settings.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text) == {"seed": 1}


def test_each_event_is_a_line_with_its_name(tmp_path: Path) -> None:
    folder = started(tmp_path)
    folder.record(Finished(step=3, reason="max_steps", elapsed_s=1.5))
    folder.record(Finished(step=4, reason="epochs", elapsed_s=2.5))
    assert lines(tmp_path) == [
        {"event": "Finished", "step": 3, "reason": "max_steps", "elapsed_s": 1.5},
        {"event": "Finished", "step": 4, "reason": "epochs", "elapsed_s": 2.5},
    ]


def test_what_is_recorded_is_returned_as_it_is_kept(tmp_path: Path) -> None:
    event = Evaluated(0, math.nan, 1.0, 0.5, is_best=False, seconds=0.1)
    told = started(tmp_path).record(event, memory_bytes=7)
    assert [told] == lines(tmp_path)
    assert told["memory_bytes"] == 7


def step_done(step: int) -> StepDone:
    return StepDone(step, 0, 1.23456789, 0.5123, 1.2345678, 0.0012345, 65_536, 0.12345678, 1e4)


def test_of_a_long_run_fewer_and_fewer_steps_have_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_folder, "EVERY_UNTIL", 4)
    folder = started(tmp_path)
    for step in range(1, 50):
        told = folder.record(step_done(step))
        assert told["step"] == step
    kept = [line["step"] for line in lines(tmp_path)]
    assert kept == [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48]


def test_epochs_of_one_step_are_kept_as_sparsely(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_folder, "EVERY_UNTIL", 2)
    folder = started(tmp_path)
    for epoch in range(9):
        folder.record(EpochDone(epoch, epoch, 1.0, 0.5, 1e-3, 0.1, 1.0))
    assert [line["epoch"] for line in lines(tmp_path)] == [0, 1, 2, 4, 8]


def test_what_is_no_step_is_always_kept_and_so_is_the_step_of_a_spike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_folder, "EVERY_UNTIL", 1)
    folder = started(tmp_path)
    for step in (7, 9):
        folder.record(step_done(step))
        folder.record(Evaluated(step, 1.0, 1.0, 0.5, is_best=False, seconds=0.1))
        folder.record(Sampled(step, "text"))
    folder.record(LossSpiked(11, 9.0, 1.0))
    folder.record(step_done(11))
    folder.record(step_done(13))
    told = [(line["event"], line["step"]) for line in lines(tmp_path)]
    always = [("Evaluated", 7), ("Sampled", 7), ("Evaluated", 9), ("Sampled", 9)]
    assert told == [*always, ("LossSpiked", 11), ("StepDone", 11)]


def test_the_lines_of_a_million_steps_take_less_than_40_mb(tmp_path: Path) -> None:
    folder, thinning = started(tmp_path), Thinning()
    folder.record(step_done(1_000_000), memory_bytes=10**12)
    line_bytes = (tmp_path / "Model.run" / "metrics.jsonl").stat().st_size
    kept = sum(thinning.keeps_step(step) for step in range(1, 1_000_001))
    assert kept > 70_000
    assert kept * line_bytes < 40_000_000


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"", b""), (b"{}\n", b"{}\n"), (b'{}\n{"ev', b'{}\n{"ev' + os.linesep.encode())],
)
def test_a_line_that_was_cut_off_is_ended(tmp_path: Path, before: bytes, after: bytes) -> None:
    folder = started(tmp_path)
    folder.metrics.write_bytes(before)
    folder.resume({})
    assert folder.metrics.read_bytes() == after


@pytest.mark.parametrize("name", ["metrics.jsonl", "samples.txt", "report.html", "train.log"])
@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_nothing_is_written_through_a_link_in_a_folder_from_elsewhere(
    tmp_path: Path, name: str
) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine", encoding="utf-8")
    run = tmp_path / "Model.run"
    run.mkdir()
    (run / name).symlink_to(mine)
    with pytest.raises(OutputError, match=f"{name} is a link"):
        RunFolder(tmp_path / "Model.pth").resume({"epochs": 1})
    assert mine.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("name", ["checkpoints", "snapshots", "tensorboard"])
@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_no_link_to_a_folder_is_followed_in_a_folder_from_elsewhere(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "Model.run").mkdir()
    (tmp_path / "Model.run" / name).symlink_to(tmp_path / "mine")
    with pytest.raises(OutputError, match=f"{name} is a link"):
        RunFolder(tmp_path / "Model.pth").resume({"epochs": 1})


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_not_a_number_is_null(tmp_path: Path, number: float) -> None:
    folder = started(tmp_path)
    folder.record(Evaluated(0, number, 1.0, 0.5, is_best=False, seconds=0.1))
    assert lines(tmp_path)[0]["nats_per_char"] is None


def test_samples_are_kept_as_they_were_said(tmp_path: Path) -> None:
    folder = started(tmp_path)
    folder.record(Sampled(7, "zeile\nélan 🙂"))
    text = (tmp_path / "Model.run" / "samples.txt").read_text(encoding="utf-8")
    assert text == "--- step 7\nzeile\nélan 🙂\n"


def test_a_new_run_begins_anew(tmp_path: Path) -> None:
    started(tmp_path).record(Sampled(1, "old"))
    started(tmp_path)
    assert lines(tmp_path) == []
    assert (tmp_path / "Model.run" / "samples.txt").read_text(encoding="utf-8") == ""


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "Model.run").write_text("in the way", encoding="utf-8")
    with pytest.raises(OutputError, match=r"Model\.run can't be written"):
        started(tmp_path)


def test_a_full_disk_costs_a_line_and_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = started(tmp_path)

    def no_space(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(Path, "open", no_space)
        folder.record(Finished(step=3, reason="max_steps", elapsed_s=1.5))
    folder.record(Finished(step=4, reason="max_steps", elapsed_s=1.5))
    assert [line["step"] for line in lines(tmp_path)] == [4]


def pipe(path: Path) -> None:
    os.mkfifo(path)


def fake_device(path: Path) -> None:
    """What a device looks like to who asks: it is there, and is no regular file."""
    path.touch()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
@pytest.mark.parametrize("make", [pipe, fake_device])
def test_a_device_or_a_pipe_is_no_place_for_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None]
) -> None:
    path, real_is_file = tmp_path / "null", Path.is_file
    make(path)
    monkeypatch.setattr(Path, "is_file", lambda self: self != path and real_is_file(self))
    for use in (check_free, back_up_run, partial(write_atomically, content=b"model")):
        with pytest.raises(OutputError, match="not a file"):
            use(path)
    assert [each.name for each in tmp_path.iterdir()] == ["null"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such file")
def test_the_null_device_is_no_place_for_a_model() -> None:
    with pytest.raises(OutputError, match="not a file"):
        check_free(Path(os.devnull))


@pytest.mark.parametrize("content", ["my thesis", "PK\x03\x04 cut off"])
def test_a_file_that_is_no_model_is_left_alone(tmp_path: Path, content: str) -> None:
    (tmp_path / "thesis.txt").write_text(content, encoding="utf-8")
    with pytest.raises(OutputError, match="is no model of this program"):
        check_free(tmp_path / "thesis.txt")


def test_an_archive_that_is_no_model_is_left_alone(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as file:
        file.writestr("photo.jpg", b"photo")
    with pytest.raises(OutputError, match="is no model of this program"):
        check_free(tmp_path / "photos.zip")


def test_a_model_of_any_age_may_be_replaced(tmp_path: Path) -> None:
    torch.save({"format": "of the year 2040"}, tmp_path / "Model.pth")
    check_free(tmp_path / "Model.pth")
    (tmp_path / "empty.pth").touch()
    check_free(tmp_path / "empty.pth")


@pytest.mark.parametrize("metrics", [None, "", "step,loss\n", "[]\n", "3\n"])
def test_a_folder_of_mine_that_is_called_as_a_run_would_be_is_left_alone(
    tmp_path: Path, metrics: str | None
) -> None:
    (tmp_path / "marathon.run").mkdir()
    (tmp_path / "marathon.run" / "times.txt").write_text("3:59", encoding="utf-8")
    if metrics is not None:
        (tmp_path / "marathon.run" / "metrics.jsonl").write_text(metrics, encoding="utf-8")
    with pytest.raises(OutputError, match="is no run of this program"):
        check_free(tmp_path / "marathon.pth")


def test_a_file_that_is_called_as_a_run_would_be_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "installer.run").write_text("#!/bin/sh", encoding="utf-8")
    with pytest.raises(OutputError, match="is no run of this program"):
        check_free(tmp_path / "installer.pth")


def test_a_run_may_be_followed_by_another_whatever_a_person_put_beside_it(tmp_path: Path) -> None:
    run = started(tmp_path).path
    check_free(tmp_path / "Model.pth")
    (run / ".validation-sample.pth.123.writing").touch()  # it was killed
    check_free(tmp_path / "Model.pth")
    (run / "my notes.txt").touch()
    RunFolder(tmp_path / "Model.pth").record(Finished(1, "epochs", 1.0))
    check_free(tmp_path / "Model.pth")


def test_a_damaged_model_beside_its_run_may_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "Model.pth").write_bytes(b"half a model")
    with pytest.raises(OutputError):
        check_free(tmp_path / "Model.pth")
    started(tmp_path).record(Finished(1, "epochs", 1.0))
    check_free(tmp_path / "Model.pth")


def test_samples_are_safe_to_look_at(tmp_path: Path) -> None:
    folder = started(tmp_path)
    folder.record(Sampled(step=3, text="a\x1b[2Jb\x9b31m\u202ec\n\td"))
    samples = (tmp_path / "Model.run" / "samples.txt").read_text(encoding="utf-8")
    assert samples == "--- step 3\na[2Jb31mc\n\td\n"
    assert lines(tmp_path)[-1]["text"] == "a\x1b[2Jb\x9b31m\u202ec\n\td"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (".", "is a folder"),
        ("folder", "is a folder"),
        ("Model.run", "is the name of a run's folder"),
        ("nowhere/Model.pth", "folder nowhere does not exist"),
    ],
)
def test_a_model_can_not_take_the_place_of_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=says):
        check_free(Path(name))
    assert (tmp_path / "folder").is_dir()


def test_any_other_name_is_taken_as_it_is(tmp_path: Path) -> None:
    check_free(tmp_path / "Model.pth")
    check_free(Path("a.b"))
