"""When a run is saved, and what happens when it can't be."""

import math
import time
from collections.abc import Callable, Iterator

from lumina_cli.core.checkpoint.config import CheckpointConfig
from lumina_cli.core.checkpoint.model_file import Checkpoint
from lumina_cli.core.checkpoint.store import CheckpointStore
from lumina_cli.core.memory import none_on_oom
from lumina_cli.errors import LuminaError, NotFiniteError, OutputError, StorageError
from lumina_cli.recipes.run.events import CheckpointSaved, SaveEvent, SaveFailed

MOST_FAILURES = 3


Moment = tuple[int, object]
"""Steps done, and the step of the last evaluation."""


class Saver:
    """Saves checkpoints when they are due, and bears that a disk fails for a while.

    Args:
        store: where they go.
        config: how often.
        resume_command: goes on with the run.
        clock: seconds from anywhere, the same on all ranks.
    """

    def __init__(
        self,
        store: CheckpointStore,
        *,
        config: CheckpointConfig,
        resume_command: str = "lumina train --resume",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = store
        self.config = config
        self.clock = clock
        self.num_failures = 0
        self._hint = f"Make room on the disk, then go on with: {resume_command}"
        self._failed_step, self._why = -1, ""
        self._asked = False
        self._saved_s = math.inf
        self._saved: Moment | None = None

    def request_checkpoint(self) -> None:
        """Let a checkpoint be due after the step in hand."""
        self._asked = True

    def is_due(self, step: int) -> bool:
        """Whether a checkpoint is to be saved after this step; all ranks find the same.

        Seconds count from the first step that is asked for.
        """
        if self._asked:
            return True
        if self.config.every_steps is not None:
            return step % self.config.every_steps == 0
        assert self.config.every_s is not None
        now_s = self.clock()
        self._saved_s = min(self._saved_s, now_s)
        return now_s - self._saved_s >= self.config.every_s

    def note_saving(self) -> bool:
        """Note that one is saved now, here or by another rank; return whether it was asked for."""
        was_asked, self._asked = self._asked, False
        self._saved_s = self.clock()
        return was_asked

    def save(
        self, checkpoint: Checkpoint, *, step: int, best_step: int | None
    ) -> Iterator[SaveEvent]:
        """Save a checkpoint and tell how that went.

        Raises:
            StorageError: it was the third failure in a row.
        """
        # After the same step there may be an evaluation that is not on disk yet.
        moment = (step, checkpoint.state.get("evaluated_step"))
        if not self.note_saving() and moment == self._saved:
            return
        started_s = time.monotonic()
        path = self.store.path_of(step)

        def write() -> SaveEvent:
            self.store.save(checkpoint, step=step, best_step=best_step)
            self._saved = moment
            return CheckpointSaved(step, path, time.monotonic() - started_s)

        yield self.attempt(write, step=step)

    def attempt(self, write: Callable[[], SaveEvent], *, step: int) -> SaveEvent:
        """Do what writes and count its failures.

        Raises:
            StorageError: it was the third failure in a row.
        """
        try:
            event = none_on_oom(write)
        except NotFiniteError as error:
            return SaveFailed(step, error.message)  # the loop will notice, and go back
        except (StorageError, OutputError) as error:
            return self._failed(error, step=step)
        if event is None:
            return self.fail_for_memory(step=step)
        self.num_failures, self._failed_step = 0, -1
        return event

    def fail_for_memory(self, *, step: int) -> SaveFailed:
        """Count that memory ran out where something was to be saved.

        Raises:
            StorageError: it was the third failure in a row.
        """
        return self._failed(StorageError("there is no memory to save with"), step=step)

    def check_saved(self) -> None:
        """Raise StorageError if the last thing could not be saved: there is no next time."""
        if self.num_failures:
            raise StorageError(f"the end of the run is not saved: {self._why}", hint=self._hint)

    def _failed(self, error: LuminaError, *, step: int) -> SaveFailed:
        # Model and checkpoint of one moment fail for one reason: that is one failure.
        self.num_failures += step != self._failed_step
        self._failed_step, self._why = step, error.message
        if self.num_failures >= MOST_FAILURES:
            raise StorageError(
                f"{error.message} (for the third time in a row)",
                hint=self._hint,
            ) from error
        return SaveFailed(step, error.message)
