"""Snapshots of a run: the model as it was after 0, 1, 2, 4, 8 … steps, to look at later.

Each is a model file of its own with weights in fp16, which every command opens. They are beside
what a run needs: one that can't be written costs nothing but itself.
"""

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from lumina_cli.core.checkpoint.model_file import save_model
from lumina_cli.core.model.memory_estimate import num_parameters
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.training.samples import is_milestone
from lumina_cli.errors import NotFiniteError, OutputError, StorageError
from lumina_cli.io.folders.run_folder import SNAPSHOTS
from lumina_cli.io.staging import STAGING_SUFFIX
from lumina_cli.recipes.run.events import SaveEvent, SaveFailed, SnapshotSaved
from lumina_cli.recipes.run.saving.metadata import snapshot_metadata
from lumina_cli.recipes.train.job import TrainJob

MOST = 13
"""Step 0, and the newest twelve of which each has twice the steps of the one before."""

BYTES_PER_PARAMETER = 2
MEGABYTE = 1_000_000
NAME = "step-{:08}.pth"
_NAME_PATTERN = re.compile(r"step-(\d{8,})\.pth")


def snapshot_steps(run: Path) -> list[int]:
    """Return the steps of which a run's folder has a snapshot."""
    folder = run / SNAPSHOTS
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(int(match[1]) for name in names if (match := _NAME_PATTERN.fullmatch(name)))


def snapshot_path(run: Path, step: int) -> Path:
    """Return where the snapshot of a step lies."""
    return run / SNAPSHOTS / NAME.format(step)


class Snapshots:
    """Writes the snapshots of a run.

    Args:
        job: whose model it is.
        run: the run's folder, held by this process.
        max_mb: that all of them together may take; where they would take more there are none.
    """

    def __init__(self, job: TrainJob, *, run: Path, max_mb: int) -> None:
        self._job = job
        self._run = run
        vocab_size = job.data.corpus.tokenizer.vocab_size
        size = BYTES_PER_PARAMETER * num_parameters(job.model.config, vocab_size=vocab_size)
        self._are_kept = MOST * size <= max_mb * MEGABYTE

    def begin(self, step: int) -> None:
        """Forget those of later steps: the run goes another way from here."""
        for later in snapshot_steps(self._run):
            if later > step:
                _remove(snapshot_path(self._run, later))
        for path in (self._run / SNAPSHOTS).glob(f".*{STAGING_SUFFIX}"):
            _remove(path)

    def save_if_due(self, model: Callable[[], Transformer], *, step: int) -> Iterator[SaveEvent]:
        """Save the plain model that `model` returns after a step, if it is one of those."""
        if not (self._are_kept and is_milestone(step)):
            return
        try:
            yield self._save(model(), step=step)
        except (NotFiniteError, OutputError, StorageError) as error:
            self._are_kept = False
            yield SaveFailed(step, f"no more snapshots: {error.message}")

    def _save(self, model: Transformer, *, step: int) -> SaveEvent:
        path = snapshot_path(self._run, step)
        try:
            path.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise StorageError(f"{path.parent} can't be made: {error.strerror}") from error
        save_model(
            path,
            model=model,
            tokenizer=self._job.data.corpus.tokenizer,
            metadata=snapshot_metadata(self._job, step=step),
            rounding="fp16",
        )
        for earlier in snapshot_steps(self._run)[1 : 1 - MOST]:
            _remove(snapshot_path(self._run, earlier))
        return SnapshotSaved(step, path)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):  # one too many does no harm
        path.unlink()
