"""This process as one of several that train together: the first alone reads, draws and tells.

An error is told once, by the rank that has it; where all have it, by the first.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from lumina_cli.cli.streams import ReaderGoneError
from lumina_cli.core.training.parallel.ending import Ending, find_ending
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
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # who ends before the run takes it, is missed
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # a stack for each lost connection
    stderr: TextIO = sys.stderr
    nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  until the process ends
    sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115
    if not place.is_first:
        sys.stdout = sys.stderr = nowhere
    ending = find_ending()
    ending.tell_process(place.index)

    errors: list[Exception] = []

    def told_once() -> object:
        try:
            return run()
        except ReaderGoneError:
            raise
        except Exception as error:
            errors.append(error)
            sys.stderr = stderr if _tells(error, place=place, ending=ending) else nowhere
            raise

    code = guard(told_once)
    _leave(is_over=not errors and (code == 0 or code > 128))
    if code > 128 and not errors:
        ending.tell_code(code)
        return 0  # a clean end at a signal: any other code would be a failure to launchers
    return 0 if ending.code is not None else code


def _tells(error: Exception, *, place: Place, ending: Ending) -> bool:
    """Let launcher and ranks know of an error; return whether this rank tells the user, too."""
    group = _group()
    if isinstance(error, GroupError):
        if error.code is not None:
            ending.tell_code(error.code)
            return False
        if ending.is_told:
            return False  # the launcher knows best which process was lost
        return place.is_first if group is None else group.watch.may_tell()
    from lumina_cli.cli.errors import ending_of  # noqa: PLC0415  Rich

    known = ending_of(error)
    if known is None:
        return True  # a fault of ours, wherever it is
    if not place.is_first:
        time.sleep(FIRST_TELLS_S)
    is_told_first = ending.tell_code(known.exit_code)
    if group is None:
        return is_told_first if ending.is_told else place.is_first
    is_ours: bool = group.watch.end(known.message, code=known.exit_code)
    if isinstance(error, LuminaError) and not place.is_first:
        error.message = f"rank {place.index}: {error.message}"
    return is_ours


def _leave(*, is_over: bool) -> None:
    group = _group()
    if group is not None:
        group.close(is_over=is_over)


def _group() -> Any:
    if "torch" not in sys.modules:
        return None
    from lumina_cli.core.training.parallel.joining import find_group  # noqa: PLC0415  torch

    return find_group()
