"""The one place where errors become lines on stderr and an exit code."""

import errno
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from lumina_cli.cli.help.mistakes import CommandLineError, hint_of, message_of
from lumina_cli.cli.streams import ReaderGoneError
from lumina_cli.cli.verbosity import verbosity
from lumina_cli.errors import LuminaError, OutOfMemoryError, StorageError, UsageError
from lumina_cli.io.terminal_text import one_line

if TYPE_CHECKING:
    from rich.console import Console

EXIT_INTERRUPTED = 130
SHOW_TRACEBACK = 2
"""From `-vv` on, a user's mistake shows its traceback too."""
MAX_TRACEBACK_LINE_CHARS = 2000


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
    except (KeyboardInterrupt, typer.Abort) as error:
        notes = getattr(error.__cause__ or error, "__notes__", ())
        _stderr_console().print(" ".join(["Stopped.", *notes]))
        return EXIT_INTERRUPTED
    except Exception as error:
        ending = ending_of(error)
        if ending is None:
            raise
        if verbosity.level >= SHOW_TRACEBACK:
            show_traceback(error)
        if ending.message:
            show_error(ending.message, hint=ending.hint, console=_stderr_console())
        return ending.exit_code
    return code if isinstance(code, int) else 0


def _stderr_console() -> "Console":
    from lumina_cli.cli.console import stderr_console  # noqa: PLC0415  Rich: --help does without

    return stderr_console()


def ending_of(error: Exception) -> Ending | None:
    """Return what to say of an error; None where the fault is ours."""
    if isinstance(error, LuminaError):
        return Ending(error.exit_code, error.message, error.hint)
    if isinstance(error, CommandLineError):
        return _of_command_line(error)
    if _is_out_of_memory(error):
        hint = "Use a smaller model: --preset small"
        if _memory_is_limited():
            hint = "Allow more of it (ulimit -v), or use a smaller model: --preset small"
        return Ending(OutOfMemoryError.exit_code, "memory ran out", hint)
    if isinstance(error, OSError):
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return Ending(StorageError.exit_code, what, "Run it again with -vv to see where.")
    return None


def _of_command_line(error: Any) -> Ending:
    """Say what is wrong with what was typed, and what may have been meant."""
    return Ending(UsageError.exit_code, message_of(error), hint_of(error))


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError) or _is_want_of_memory(error):
        return True
    if not isinstance(error, RuntimeError) or "torch" not in sys.modules:
        return False
    from lumina_cli.core.memory import is_out_of_memory  # noqa: PLC0415  torch

    return is_out_of_memory(error)


def _is_want_of_memory(error: Exception) -> bool:
    """Whether an error that is not called so means that memory could not be had.

    Where memory is limited, a library is not found although it is there, and what fails in the
    middle of C code has lost its reason.
    """
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, RuntimeError):
        return "can't start new thread" in str(error)
    is_odd = type(error) is ImportError or isinstance(error, SystemError)
    return is_odd and (_memory_is_limited() or "failed to map segment" in str(error))


def _memory_is_limited() -> bool:
    try:
        import resource  # noqa: PLC0415  not on Windows
    except ImportError:
        return False
    return resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY


def show_traceback(error: BaseException) -> None:
    """Print a traceback; what it quotes of files or the network obeys no terminal."""
    lines = "".join(traceback.format_exception(error)).splitlines()
    for line in lines:
        sys.stderr.write(one_line(line, max_chars=MAX_TRACEBACK_LINE_CHARS) + "\n")


def show_tracebacks_cleaned() -> None:
    """Have Python show what nobody catches as `show_traceback` does."""

    def of_thread(failed: Any) -> None:
        show_traceback(failed.exc_value)

    sys.excepthook = lambda _kind, error, _traceback: show_traceback(error)
    threading.excepthook = of_thread


def show_error(message: str, *, hint: str, console: "Console") -> None:
    """Print what happened and what to do next, as plain text."""
    from lumina_cli.cli.console import print_text  # noqa: PLC0415  Rich

    print_text(console, one_line(message), label="error: ")
    if hint:
        print_text(console, one_line(hint), style="dim")
