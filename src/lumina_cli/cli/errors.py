"""The one place where errors become lines on stderr and an exit code."""

import sys
from collections.abc import Callable
from typing import Any, cast

import typer
from rich.console import Console

from lumina_cli.cli.console import plain, stderr_console
from lumina_cli.cli.verbosity import verbosity
from lumina_cli.errors import LuminaError, OutOfMemoryError, StorageError, UsageError

EXIT_INTERRUPTED = 130
SHOW_TRACEBACK = 2
"""From `-vv` on, a user's mistake shows its traceback too."""


_CommandLineError = cast(type[Exception], typer.BadParameter.__mro__[1])
"""Click's UsageError, which Typer carries inside and does not export."""


def run_guarded(command: Callable[[], object]) -> int:
    """Run a command and return the exit code; what a user can mend is two lines on stderr.

    Args:
        command: runs the command line and returns its exit code, or None for 0.
    """
    try:
        code = command()
    except _CommandLineError as error:
        _show_command_line_error(error)
        return UsageError.exit_code
    except LuminaError as error:
        if verbosity.level >= SHOW_TRACEBACK:
            raise
        show_error(error.message, hint=error.hint, console=stderr_console())
        return error.exit_code
    except KeyboardInterrupt:
        stderr_console().print("Stopped.")
        return EXIT_INTERRUPTED
    except OSError as error:
        if verbosity.level >= SHOW_TRACEBACK:
            raise
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        show_error(what, hint="Nothing else is known; -vv tells where.", console=stderr_console())
        return StorageError.exit_code
    except (RuntimeError, MemoryError) as error:
        if not _is_out_of_memory(error):
            raise
        show_error(
            "memory ran out", hint="Use a smaller model: --preset small", console=stderr_console()
        )
        return OutOfMemoryError.exit_code
    return code if isinstance(code, int) else 0


def _show_command_line_error(error: Any) -> None:
    """Say what is wrong with what was typed; where help was shown instead, that is enough."""
    message = error.format_message().rstrip(".")
    if message:
        path = error.ctx.command_path if error.ctx else "lumina"
        shown = message[0].lower() + message[1:]
        show_error(shown, hint=f"See: {path} --help", console=stderr_console())


def _is_out_of_memory(error: RuntimeError | MemoryError) -> bool:
    if isinstance(error, MemoryError) or "torch" not in sys.modules:
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
