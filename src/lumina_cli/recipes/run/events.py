"""What happens in a run besides training: it starts, and it is saved (no torch)."""

from dataclasses import dataclass
from pathlib import Path

from lumina_cli.core.training.events import TrainEvent


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The run is about to train, from `step` on: 0, or where it was left."""

    step: int


@dataclass(frozen=True, slots=True)
class Saved:
    """The best model so far is on disk."""

    step: int
    path: Path


@dataclass(frozen=True, slots=True)
class CheckpointSaved:
    """All that the run needs to go on from here is on disk."""

    step: int
    path: Path
    seconds: float


@dataclass(frozen=True, slots=True)
class SnapshotSaved:
    """The weights of this moment are on disk, to be looked at later."""

    step: int
    path: Path


@dataclass(frozen=True, slots=True)
class SaveFailed:
    """Something could not be saved; what was saved before is still there."""

    step: int
    why: str


SaveEvent = Saved | CheckpointSaved | SnapshotSaved | SaveFailed
RunEvent = TrainEvent | SaveEvent | RunStarted

SUCCESSFUL_SAVES = frozenset({Saved.__name__, CheckpointSaved.__name__, SnapshotSaved.__name__})

STARTS = frozenset({RunStarted.__name__, "Begun"})
"""The names of a start in metrics.jsonl; older runs wrote the second."""
