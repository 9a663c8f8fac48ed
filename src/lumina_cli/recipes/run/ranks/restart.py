"""A launcher that begins a run anew, once a process was lost: it goes on where it had come to.

The folder of a run is marked with the launcher's name for it, so that what an earlier launch left
is not taken for it.
"""

import contextlib
from pathlib import Path

from lumina_cli.core.checkpoint.store import CheckpointStore
from lumina_cli.core.training.parallel.place import find_place
from lumina_cli.io.folders.run_folder import CHECKPOINTS, LAUNCH
from lumina_cli.io.folders.run_names import run_folder_of
from lumina_cli.io.regular_file import read_whole


def mark_launch(run_folder: Path) -> None:
    """Mark the folder of a run that this launch has begun."""
    place = find_place()
    if place is not None and place.run_id:
        with contextlib.suppress(OSError):  # a full disk costs the way back, not the run
            (run_folder / LAUNCH).write_text(place.run_id, encoding="utf-8")


def is_of_this_launch(run_folder: Path) -> bool:
    """Whether the run was begun by this launch, and lost a process since."""
    place = find_place()
    if place is None or not place.restart:
        return False
    try:
        return read_whole(run_folder / LAUNCH) == place.run_id.encode()
    except OSError:
        return False


def goes_on(model: Path) -> bool:
    """Whether this launch has saved a checkpoint of the run of a model, to go on from now."""
    run = run_folder_of(model)
    return is_of_this_launch(run) and bool(CheckpointStore(run / CHECKPOINTS).steps())
