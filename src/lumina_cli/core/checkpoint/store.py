"""The checkpoints of a run: a folder that always holds the newest whole one.

A checkpoint is written whole before an older one is removed. One that turns out bad is
quarantined under another name, never deleted.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lumina_cli.core.checkpoint.model_file import Checkpoint, load_checkpoint, save_checkpoint
from lumina_cli.errors import MissingInputError, ModelFileError, OutputError, StorageError
from lumina_cli.io.staging import STAGING_SUFFIX

NAME = "step-{:08}.pth"
_NAME_PATTERN = re.compile(r"step-(\d{8,})\.pth")
BAD_SUFFIX = ".damaged"


StoreState = Mapping[str, tuple[int, int]]
"""The checkpoints of a folder by name, each with what another file of that name would not have."""


@dataclass(frozen=True, eq=False)
class Found:
    """A checkpoint and where it lies; `quarantined` are newer ones that were bad."""

    checkpoint: Checkpoint
    path: Path
    quarantined: tuple[Path, ...] = ()


class CheckpointStore:
    """The folder of a run's checkpoints, named by their steps.

    Args:
        folder: made when the first is saved.
        keep: how many of the newest are kept; the best one is kept besides.
    """

    def __init__(self, folder: Path, *, keep: int = 2) -> None:
        self.folder = folder
        self.keep = keep

    def save(self, checkpoint: Checkpoint, *, step: int, best_step: int | None = None) -> Path:
        """Write a checkpoint, then drop those that are no longer needed.

        Raises:
            NotFiniteError: a number is not finite.
            OutputError, StorageError: it can't be written; the older ones are still there.
        """
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise StorageError(f"{self.folder} can't be made: {error.strerror}") from error
        path = self.path_of(step)
        save_checkpoint(path, checkpoint)
        self._prune(newest=step, best_step=best_step)
        return path

    def path_of(self, step: int) -> Path:
        """Return where the checkpoint of a step lies."""
        return self.folder / NAME.format(step)

    def steps(self) -> list[int]:
        """Return the steps of which there is a checkpoint, the newest first."""
        matches = (_NAME_PATTERN.fullmatch(path.name) for path in self._files())
        return sorted((int(match[1]) for match in matches if match), reverse=True)

    def state(self) -> StoreState:
        """Return what tells whether anybody has written here or removed something since."""
        found: dict[str, tuple[int, int]] = {}
        for step in self.steps():
            path = self.path_of(step)
            with contextlib.suppress(OSError):  # it goes away at this moment
                status = path.stat()
                found[path.name] = (status.st_ino, status.st_mtime_ns)
        return found

    def newest(self) -> Found:
        """Return the newest checkpoint that is whole; quarantine newer ones that are not.

        Raises:
            MissingInputError: there is none.
        """
        quarantined: list[Path] = []
        for step in self.steps():
            path = self.path_of(step)
            try:
                return Found(load_checkpoint(path), path, tuple(quarantined))
            except ModelFileError:
                quarantined.append(_quarantine(path))
            except MissingInputError:  # another rank has just quarantined it
                quarantined.append(path.with_name(path.name + BAD_SUFFIX))
        raise MissingInputError(
            f"there is no checkpoint in {self.folder}" + (" that is whole" if quarantined else ""),
            hint="The same command without --resume begins a run.",
        )

    def remove_unfinished(self) -> None:
        """Remove what a run that was killed had begun to write. Only for who holds the run."""
        for path in self._files():
            if path.name.startswith(".") and path.name.endswith(STAGING_SUFFIX):
                with contextlib.suppress(OSError):
                    path.unlink()

    def _files(self) -> Iterator[Path]:
        return iter(list(self.folder.iterdir()) if self.folder.is_dir() else [])

    def _prune(self, *, newest: int, best_step: int | None) -> None:
        """Keep the newest few and the best.

        Checkpoints of later steps are from before the run went back; they go, so that they
        are not taken for the newest.
        """
        earlier = [step for step in self.steps() if step <= newest]
        kept = {*earlier[: self.keep], best_step}
        for step in self.steps():
            if step not in kept:
                with contextlib.suppress(OSError):  # one too many does no harm
                    self.path_of(step).unlink()


def _quarantine(path: Path) -> Path:
    aside = path.with_name(path.name + BAD_SUFFIX)
    try:
        path.replace(aside)
    except FileNotFoundError:
        return aside  # another rank of the same run was faster
    except OSError as error:
        raise OutputError(f"{path} is damaged and can't be renamed: {error.strerror}") from error
    return aside
