"""This process as one of several that train together: the first alone reads, draws and tells.

An error is told once, by the rank that has it; where all have it, by the first.
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from lumina_cli.core.training.parallel.ending import find_ending
from lumina_cli.core.training.parallel.place import Place, find_place
from lumina_cli.errors import GroupError, LuminaError

COMMANDS = frozenset({"train", "finetune"})
FIRST_TELLS_S = 0.5
"""For the first rank to tell what all have found."""


def place_of(arguments: Sequence[str]) -> Place | None:
    """Return which of several processes this one is, in a command that knows of any."""
    return find_place() if arguments and arguments[0] in COMMANDS else None


def run_as_rank(guard: Callable[..., int], run: Callable[[], object], *, place: Place) -> int:
    """Run a command as one rank of several, and return the exit code.

    Args:
        guard: runs a command, and turns errors into lines and an exit code.
        run: the command.
        place: of this process.
    """
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # a stack for each lost connection
    stderr: TextIO = sys.stderr
    nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  until the process ends
    sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115
    if not place.is_first:
        sys.stdout = sys.stderr = nowhere
    ending = find_ending()
    ending.tell_process(place.index)

    def told_once() -> object:
        try:
            return run()
        except LuminaError as error:
            code, is_ours = _end_of(error, place)
            if not isinstance(error, GroupError) or error.code is not None:
                ending.tell_code(code)
            elif ending.is_told:
                is_ours = False  # the launcher knows best which process was lost
            sys.stderr = stderr if is_ours else nowhere
            raise
        except Exception:
            sys.stderr = stderr  # a fault of ours, wherever it is
            raise

    code = guard(told_once)
    _leave(is_over=code == 0 or code > 128)
    if code > 128:
        ending.tell_code(code)
        return 0  # a clean end at a signal: any other code would be a failure to launchers
    return 0 if ending.code is not None else code


def _end_of(error: LuminaError, place: Place) -> tuple[int, bool]:
    """Return the exit code for an error, and whether it is this rank's to tell it."""
    group = _group()
    if group is None:
        return error.exit_code, place.is_first
    if isinstance(error, GroupError):
        return error.code or error.exit_code, error.code is None and group.watch.may_tell()
    if not place.is_first:
        time.sleep(FIRST_TELLS_S)
    is_ours = group.watch.end(error.message, code=error.exit_code)
    if not place.is_first:
        error.message = f"rank {place.index}: {error.message}"
    return error.exit_code, is_ours


def _leave(*, is_over: bool) -> None:
    group = _group()
    if group is not None:
        group.close(is_over=is_over)


def _group() -> Any:
    if "torch" not in sys.modules:
        return None
    from lumina_cli.core.training.parallel.joining import find_group  # noqa: PLC0415  torch

    return find_group()
