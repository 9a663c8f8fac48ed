"""Going on with a run: its parts (whole runs are in tests/recipes)."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lumina_cli.core.checkpoint.store import Found
from lumina_cli.core.training.state import TrainState
from lumina_cli.errors import MissingInputError, ModelFileError, OutputError, UsageError
from lumina_cli.recipes.train import resume as module
from lumina_cli.recipes.train.resume import (
    Resumed,
    command_of,
    find_run,
    has_other_limits,
    rescale_position,
    trainer_state,
)
from lumina_cli.settings import FINETUNE_CONFIGS
from tests.unit.recipes.tiny import tiny_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a run of two steps has ended."""
    list(tiny_run(tmp_path).run())
    return tmp_path


def found(folder: Path, path: Path | None = None, **flags: Any) -> Resumed:
    return find_run(path, out=None, default_out=folder / "Model.pth", flags=flags)


def with_checkpoint(resumed: Resumed, **changes: Any) -> Resumed:
    """The same run with another checkpoint."""
    checkpoint = replace(resumed.found.checkpoint, **changes)
    return replace(resumed, found=replace(resumed.found, checkpoint=checkpoint))


def test_a_run_is_found_by_its_model_its_folder_or_one_of_its_checkpoints(folder: Path) -> None:
    checkpoint = folder / "Model.run" / "checkpoints" / "step-00000002.pth"
    for path in (None, folder / "Model.run", folder / "Model.run" / "checkpoints", checkpoint):
        run = found(folder, path)
        assert run.found.path == checkpoint
        assert run.out == folder / "Model.pth"
    assert run.data == [folder / "text.txt"]
    assert run.val_data == []


def test_where_there_is_no_run_the_way_to_begin_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="no run to go on with") as missing:
        found(tmp_path)
    assert "without --resume" in missing.value.hint


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_damaged_checkpoints_behind_a_link_keep_their_names(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "step-00000002.pth").write_bytes(b"damaged")
    (tmp_path / "Model.run").mkdir()
    (tmp_path / "Model.run" / "checkpoints").symlink_to(mine)
    with pytest.raises(OutputError, match="checkpoints is a link"):
        found(tmp_path)
    assert [path.name for path in mine.iterdir()] == ["step-00000002.pth"]


def test_what_is_fixed_can_not_change_and_what_may_is_told(folder: Path) -> None:
    with pytest.raises(UsageError, match="seed is 0 in the checkpoint and can't become 7"):
        found(folder, seed=7)
    assert found(folder, max_steps=9).notices == ()
    (notice,) = found(folder, grad_clip=0.5).notices
    assert "grad_clip is 0.5 from here on; it was 1.0" in notice


def test_the_command_is_that_which_knows_a_base(folder: Path) -> None:
    assert (command_of({}), command_of({"base": {}})) == ("train", "finetune")
    with pytest.raises(UsageError, match="is of a run of `lumina train`"):
        find_run(
            None,
            out=None,
            default_out=folder / "Model.pth",
            flags={},
            kinds=FINETUNE_CONFIGS,
        )


def test_counters_that_are_none_are_told_as_damage(folder: Path) -> None:
    run = found(folder)
    state = trainer_state(run.found.checkpoint, path=run.found.path)
    assert state.train_state.num_steps == 2
    damaged = with_checkpoint(run, state={"num_steps": "many"}).found.checkpoint
    with pytest.raises(ModelFileError, match="is damaged: its counters are wrong"):
        trainer_state(damaged, path=run.found.path)


def test_without_settings_a_checkpoint_is_damaged(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = found(folder)
    bare = replace(run.found.checkpoint, metadata={})
    monkeypatch.setattr(module, "_find_checkpoint", lambda path: Found(bare, path))
    with pytest.raises(ModelFileError, match="it has no settings"):
        found(folder)


@pytest.mark.parametrize(
    ("saved", "windows_per_step", "index"),
    [
        ({"batch_size": 4, "grad_accum": 1}, 4, 10),
        ({"batch_size": 4, "grad_accum": 2}, 4, 20),  # 80 windows are behind
        ({"batch_size": 4}, 16, 2),  # 40 windows: half a batch is read again
    ],
)
def test_the_position_is_that_of_the_window_whatever_a_batch_holds(
    saved: dict[str, int], windows_per_step: int, index: int
) -> None:
    counters = TrainState(batch_index=10, is_epoch_over=True)
    now = rescale_position(counters, saved=saved, windows_per_step=windows_per_step)
    assert now.batch_index == index
    assert now.is_epoch_over == (index == 10)
    assert counters.batch_index == 10


@pytest.mark.parametrize(
    ("flags", "differs"),
    [({}, False), ({"max_steps": 9}, True), ({"num_evals": 3}, True), ({"grad_clip": 0.5}, False)],
    ids=str,
)
def test_other_limits_are_seen(folder: Path, flags: dict[str, Any], differs: bool) -> None:
    run = found(folder, **flags)
    config = run.settings.of(module.TrainingConfig)
    assert has_other_limits(run, config) == differs


def test_the_checkpoint_of_a_copied_folder_belongs_to_no_model_there(tmp_path: Path) -> None:
    default = tmp_path / "Model.pth"
    beside = tmp_path / "Other.run" / "checkpoints" / "step-00000002.pth"
    assert module._model_of(beside, default) == tmp_path / "Other.pth"
    assert module._model_of(tmp_path / "step-00000002.pth", default) == default
