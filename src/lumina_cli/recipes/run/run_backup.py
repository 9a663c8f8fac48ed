"""What an earlier run left where a new one begins: moved aside, never written over."""

import contextlib
import json
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import get_args

from lumina_cli.core.checkpoint.model_file import load_checkpoint
from lumina_cli.core.checkpoint.store import CheckpointStore
from lumina_cli.core.training.events import StopReason
from lumina_cli.errors import LuminaError
from lumina_cli.io import lock
from lumina_cli.io.atomic import check_regular
from lumina_cli.io.folders.private_folder import PRIVATE
from lumina_cli.io.folders.run_folder import CHECKPOINTS, METRICS, not_writable
from lumina_cli.io.folders.run_names import MODEL_SUFFIX, RUN_SUFFIX, model_name, run_folder_of
from lumina_cli.io.names import fitting_stem
from lumina_cli.io.regular_file import open_regular
from lumina_cli.io.shell_word import shell_word
from lumina_cli.recipes.run.events import SUCCESSFUL_SAVES
from lumina_cli.recipes.train.resume import command_of

_TAIL_BYTES = 4_096
_ENDS = {("Finished", reason) for reason in get_args(StopReason) if reason != "interrupted"}


def backup_notices(model: Path) -> list[str]:
    """Tell where what is there already will be kept, and how to go on with an unfinished run.

    Reads the newest checkpoint of an unfinished run, to name the command that began it.
    """
    run, (model_aside, run_aside) = run_folder_of(model), _free_names(model)
    if not _files_of_run(run):
        return [f"{model} is there already: it is kept as {model_aside}"] if model.exists() else []
    step = _unfinished_step(run)
    if step is None:
        return [f"an earlier run is kept as {run_aside}, its model as {model_aside}"]
    return [
        f"{run} holds a run that has not ended (step {step}); a new one keeps it as {run_aside}. "
        f"To go on with it then: lumina {_command_of(run)} --resume {shell_word(run_aside)}"
    ]


def back_up_run(model: Path) -> None:
    """Move a model and its run to names that nothing has: `Model.previous.pth`, and so on.

    Raises:
        OutputError: the folder can't be written, or what is to be moved is no file; all is where
            it was.
    """
    check_regular(model)
    run, (model_aside, run_aside) = run_folder_of(model), _free_names(model)
    moves = [(path, run_aside / path.name) for path in _files_of_run(run)]
    moves += [(model, model_aside)] if model.exists() else []
    done: list[tuple[Path, Path]] = []
    try:
        if _files_of_run(run):
            run_aside.mkdir(mode=PRIVATE)
        for path, aside in moves:
            path.rename(aside)
            done.append((path, aside))
    except OSError as error:
        _move_back(done, run_aside=run_aside)
        raise not_writable(run, error) from error


def _move_back(done: Sequence[tuple[Path, Path]], *, run_aside: Path) -> None:
    """Undo what was done, as far as the disk lets us: nothing is lost where it does not."""
    with contextlib.suppress(OSError):
        for path, aside in reversed(done):
            aside.rename(path)
        run_aside.rmdir()


def _free_names(model: Path) -> tuple[Path, Path]:
    """Return the first pair of names for a model and its run of which none is taken."""
    for number in count(1):
        mark = ".previous" + (f"-{number}" if number > 1 else "")
        suffix = MODEL_SUFFIX if model_name(model) != model.name else ""
        endings = (mark + suffix, mark + RUN_SUFFIX)
        stem = fitting_stem(model, stem=model_name(model), endings=endings)
        names = (model.with_name(stem + endings[0]), model.with_name(stem + endings[1]))
        if not any(name.exists() for name in names):
            return names
    raise AssertionError("numbers don't end")


def _files_of_run(run: Path) -> list[Path]:
    """Return what is in the folder of a run; the lock is not, it belongs to who holds it now."""
    if not run.is_dir():
        return []
    return [path for path in run.iterdir() if path.name != lock.LOCK_NAME]


def _unfinished_step(run: Path) -> int | None:
    """Return the step from which a run can go on; None where it has ended or can't."""
    step = max(CheckpointStore(run / CHECKPOINTS).steps(), default=None)
    return None if _has_ended(run / METRICS) else step


def _command_of(run: Path) -> str:
    """Return the command that began a run: a model may stand where the other's stood."""
    store = CheckpointStore(run / CHECKPOINTS)
    for step in store.steps():
        try:
            facts = load_checkpoint(store.path_of(step)).metadata
        except LuminaError:
            continue  # damaged: an older one tells as well
        return command_of(facts)
    return "train"


def _has_ended(metrics: Path) -> bool:
    """Whether the last that happened was the end; what is saved may be told behind it."""
    try:
        with open_regular(metrics) as file:
            file.seek(max(metrics.stat().st_size - _TAIL_BYTES, 0))
            lines = file.read().splitlines()
    except OSError:
        return False
    for line in reversed(lines):
        try:
            event = json.loads(line)
        except ValueError:  # cut off by a crash
            continue
        if not isinstance(event, dict) or event.get("event") not in SUCCESSFUL_SAVES:
            return isinstance(event, dict) and (event.get("event"), event.get("reason")) in _ENDS
    return False
