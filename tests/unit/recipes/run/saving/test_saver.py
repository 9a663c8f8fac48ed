"""When a run is saved, and what happens when it can't be."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lumina_cli.core.checkpoint.config import CheckpointConfig
from lumina_cli.core.checkpoint.model_file import Checkpoint
from lumina_cli.core.checkpoint.store import CheckpointStore
from lumina_cli.errors import NotFiniteError, OutputError, StorageError
from lumina_cli.recipes.run.events import CheckpointSaved, Saved, SaveEvent, SaveFailed
from lumina_cli.recipes.run.saving.metadata import make_checkpoint
from lumina_cli.recipes.run.saving.saver import Saver
from tests.unit.recipes.tiny import tiny_run


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    run = tiny_run(tmp_path)
    return make_checkpoint(run.job, run.trainer.state_dict())


def saver_of(folder: Path, *, clock: Callable[[], float] = Clock(), **config: Any) -> Saver:  # noqa: B008
    store = CheckpointStore(folder / "checkpoints")
    return Saver(store, config=CheckpointConfig(**config), clock=clock)


def raising(error: Exception) -> Callable[[], SaveEvent]:
    def write() -> SaveEvent:
        raise error

    return write


def test_a_checkpoint_is_due_by_steps(tmp_path: Path) -> None:
    saver = saver_of(tmp_path, save_every="3")
    assert [step for step in range(1, 10) if saver.is_due(step)] == [3, 6, 9]


def test_a_checkpoint_is_due_by_the_clock(tmp_path: Path, checkpoint: Checkpoint) -> None:
    clock = Clock()
    saver = saver_of(tmp_path, clock=clock, save_every="2m")
    assert not saver.is_due(1)
    clock.now_s += 119.9
    assert not saver.is_due(2)
    clock.now_s += 0.1
    assert saver.is_due(3)
    list(saver.save(checkpoint, step=3, best_step=None))
    assert not saver.is_due(4)  # the two minutes begin anew


def test_what_another_rank_saves_is_not_due_any_more(tmp_path: Path) -> None:
    clock = Clock()
    saver = saver_of(tmp_path, clock=clock, save_every="2m")
    saver.request_checkpoint()
    assert saver.is_due(1)
    clock.now_s += 60
    assert saver.note_saving()
    clock.now_s += 119.9
    assert not saver.is_due(2)


def test_a_checkpoint_is_due_when_it_is_asked_for_once(
    tmp_path: Path, checkpoint: Checkpoint
) -> None:
    saver = saver_of(tmp_path, save_every="1000")
    saver.request_checkpoint()
    assert saver.is_due(1)
    (event,) = saver.save(checkpoint, step=1, best_step=None)
    path = tmp_path / "checkpoints" / "step-00000001.pth"
    assert isinstance(event, CheckpointSaved)
    assert (event.step, event.path) == (1, path)
    assert path.is_file()
    assert not saver.is_due(2)


def test_a_moment_is_saved_once_unless_it_is_asked_for(
    tmp_path: Path, checkpoint: Checkpoint
) -> None:
    saver = saver_of(tmp_path)
    assert len(list(saver.save(checkpoint, step=1, best_step=None))) == 1
    assert list(saver.save(checkpoint, step=1, best_step=None)) == []
    saver.request_checkpoint()
    assert len(list(saver.save(checkpoint, step=1, best_step=None))) == 1
    checkpoint.state["evaluated_step"] = 1  # it was measured since
    assert len(list(saver.save(checkpoint, step=1, best_step=None))) == 1


def test_the_third_moment_in_a_row_at_which_nothing_can_be_saved_is_the_last(
    tmp_path: Path,
) -> None:
    saver, full = saver_of(tmp_path), raising(StorageError("the disk is full"))
    for step in (1, 1, 2):  # the model and the checkpoint of a step fail together
        assert saver.attempt(full, step=step) == SaveFailed(step, "the disk is full")
    with pytest.raises(StorageError, match="for the third time in a row") as failed:
        saver.attempt(full, step=3)
    assert "lumina train --resume" in failed.value.hint


def test_a_save_that_succeeds_makes_up_for_those_that_failed(tmp_path: Path) -> None:
    saver = saver_of(tmp_path)
    saved = Saved(9, tmp_path)
    for step in range(1, 9):
        failed = saver.attempt(raising(OutputError("no permission")), step=step)
        assert failed == SaveFailed(step, "no permission")
        assert saver.attempt(lambda: saved, step=step) == saved
    saver.check_saved()


def test_the_end_of_a_run_that_is_not_saved_is_told(tmp_path: Path) -> None:
    saver = saver_of(tmp_path)
    saver.attempt(raising(MemoryError()), step=1)
    with pytest.raises(StorageError, match="there is no memory to save with"):
        saver.check_saved()


def test_numbers_that_are_not_finite_are_no_failure_of_the_disk(tmp_path: Path) -> None:
    saver = saver_of(tmp_path)
    for step in range(1, 9):
        saver.attempt(raising(NotFiniteError("wte.weight is not finite")), step=step)
    saver.check_saved()
