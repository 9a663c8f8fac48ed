"""The one place where errors become lines on stderr and an exit code."""

import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import typer
from rich.console import Console

from lumina_cli.cli.console import plain, stderr_console
from lumina_cli.cli.streams import ReaderGoneError
from lumina_cli.cli.verbosity import verbosity
from lumina_cli.errors import LuminaError, OutOfMemoryError, StorageError, UsageError

EXIT_INTERRUPTED = 130
SHOW_TRACEBACK = 2
"""From `-vv` on, a user's mistake shows its traceback too."""


_CommandLineError = cast(type[Exception], typer.BadParameter.__mro__[1])
"""Click's UsageError, which Typer carries inside and does not export."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a command ends that can't go on."""

    exit_code: int
    message: str
    hint: str = ""


def run_guarded(command: Callable[[], object]) -> int:
    """Run a command and return the exit code; what a user can mend is two lines on stderr.

    Args:
        command: runs the command line and returns its exit code, or None for 0.

    Raises:
        Exception: the fault is ours; Python shows its traceback and exits with 1.
    """
    try:
        code = command()
    except ReaderGoneError:
        return 0
    except KeyboardInterrupt:
        stderr_console().print("Stopped.")
        return EXIT_INTERRUPTED
    except Exception as error:
        ending = _ending_of(error)
        if ending is None:
            raise
        if verbosity.level >= SHOW_TRACEBACK:
            traceback.print_exception(error)
        if ending.message:
            show_error(ending.message, hint=ending.hint, console=stderr_console())
        return ending.exit_code
    return code if isinstance(code, int) else 0


def _ending_of(error: Exception) -> Ending | None:
    """Return what to say of an error; None where the fault is ours."""
    if isinstance(error, LuminaError):
        return Ending(error.exit_code, error.message, error.hint)
    if isinstance(error, _CommandLineError):
        return _of_command_line(error)
    if isinstance(error, OSError):
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return Ending(StorageError.exit_code, what, "Run it again with -vv to see where.")
    if _is_out_of_memory(error):
        hint = "Use a smaller model: --preset small"
        return Ending(OutOfMemoryError.exit_code, "memory ran out", hint)
    return None


def _of_command_line(error: Any) -> Ending:
    """Say what is wrong with what was typed; where help was shown instead, that is enough."""
    message = error.format_message().rstrip(".")
    path = error.ctx.command_path if error.ctx else "lumina"
    return Ending(UsageError.exit_code, message[:1].lower() + message[1:], f"See: {path} --help")


def _is_out_of_memory(error: Exception) -> bool:
    if not isinstance(error, RuntimeError) or "torch" not in sys.modules:
        return isinstance(error, MemoryError)
    from lumina_cli.core.memory import is_out_of_memory  # noqa: PLC0415  torch

    return is_out_of_memory(error)


def show_error(message: str, *, hint: str, console: Console) -> None:
    """Print what happened and what to do next, as plain text."""
    line = plain("error: ", style="bold red")
    line.append_text(plain(message))
    console.print(line, soft_wrap=True)
    if hint:
        console.print(plain(hint, style="dim"), soft_wrap=True)
