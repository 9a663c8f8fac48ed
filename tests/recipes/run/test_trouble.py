"""Runs with trouble on their way: disks, memory, numbers that are none."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from lumina_cli.core.checkpoint.model_file import load_model
from lumina_cli.core.training.events import Evaluated, StepDone
from lumina_cli.errors import DivergedError, OutOfMemoryError, StorageError
from lumina_cli.recipes.run.events import CheckpointSaved, Saved, SaveFailed
from lumina_cli.recipes.run.run import TrainingRun
from lumina_cli.recipes.run.saving import saver
from tests.recipes.train.test_resume import begun


def fail(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def run_with_a_full_disk(
    run: TrainingRun, full: pytest.MonkeyPatch, *, first: int, last: int
) -> list[Any]:
    """Do the run; from after one step until after another the disk is full."""
    events = []
    for event in run.run():
        events.append(event)
        if isinstance(event, StepDone) and event.step == first:
            full.setattr(os, "fsync", fail)
        if isinstance(event, StepDone) and event.step == last:
            full.undo()
    return events


def test_a_best_model_the_disk_had_no_room_for_is_saved_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(tmp_path, save_every="5", num_evals=2, learning_rate=1e-2)
    with monkeypatch.context() as full:
        events = run_with_a_full_disk(run, full, first=9, last=12)
    best = [e.step for e in events if isinstance(e, Evaluated) and e.is_best]
    assert best[0] == 10
    assert {e.step for e in events if isinstance(e, SaveFailed)} == {10}
    assert [e.step for e in events if isinstance(e, Saved)] == [10, 20]
    again = next(n for n, e in enumerate(events) if isinstance(e, Saved))
    assert isinstance(events[again - 1], CheckpointSaved)
    assert events[again - 1].step == 15


def test_a_disk_that_is_full_at_the_end_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(tmp_path, save_every="100", num_evals=1)
    with (
        monkeypatch.context() as full,
        pytest.raises(StorageError, match="the end of the run is not saved") as caught,
    ):
        run_with_a_full_disk(run, full, first=20, last=21)
    assert "--resume" in caught.value.hint


def test_a_save_that_runs_out_of_memory_is_told_and_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = saver.CheckpointStore.save, []

    def save(*args: Any, **kwargs: Any) -> Path:
        calls.append(kwargs["step"])
        if len(calls) == 2:
            raise MemoryError
        return real(*args, **kwargs)

    monkeypatch.setattr(saver.CheckpointStore, "save", save)
    events = list(begun(tmp_path, save_every="5", num_evals=1).run())
    assert [e.step for e in events if isinstance(e, SaveFailed)] == [5]
    assert [e.step for e in events if isinstance(e, CheckpointSaved)][:2] == [0, 10]


def test_a_model_that_is_not_finite_takes_the_place_of_none(tmp_path: Path) -> None:
    run, failed = begun(tmp_path, val_fraction=0.0, num_evals=4), []
    with pytest.raises(DivergedError, match=r"text\.txt"):
        spoil_weights(run, failed, from_step=10)
    assert "not finite" in failed[0].why
    load_model(tmp_path / "Model.pth")  # refuses what is not finite


def spoil_weights(run: TrainingRun, failed: list[SaveFailed], *, from_step: int) -> None:
    for event in run.run():
        if isinstance(event, StepDone) and event.step >= from_step:
            with torch.no_grad():
                run.job.model.lm_head.weight[0, 0] = torch.nan
        if isinstance(event, SaveFailed):
            failed.append(event)


def test_one_window_too_much_ends_with_flags_that_would_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(tmp_path, hidden_size=64, num_heads=4)

    def hidden(idx: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(run.job.model, "hidden", hidden)
    with pytest.raises(OutOfMemoryError, match="single window") as caught:
        list(run.run())
    assert "--hidden-size 32 --num-layers 1 --nhead 2 --seq-length 16" in caught.value.hint
