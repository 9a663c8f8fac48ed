"""The `lumina` command: what it is made of, and its way out."""

import os
import re
import sys
from collections.abc import MutableMapping
from typing import Annotated

import typer

from lumina_cli.cli.lazy import LazyGroup
from lumina_cli.cli.ranks import place_of, run_as_rank
from lumina_cli.cli.starting import starting_line, takes_long
from lumina_cli.cli.streams import guard_streams

SHORT_WAITS = ("GOMP_SPINCOUNT", "10000")
"""Lets torch's threads sleep soon while they wait for each other. As they come, they spin for
milliseconds, and where another program needs a core all wait for one that does not run:
steps took ten times as long beside one (docs/decisions/015-threads-share-a-step.md). Read when
torch is imported."""

COMPLETES = "_LUMINA_COMPLETE"
"""The variable in which a shell says that it asks what may be typed."""

app = typer.Typer(
    name="lumina",
    cls=LazyGroup,
    context_settings={"help_option_names": ["--help", "-h"]},
    epilog="Begin with: lumina train --preset demo (three minutes), then: lumina chat",
    pretty_exceptions_enable=False,
)


def _show_version(value: bool) -> None:  # noqa: FBT001  (Typer calls it so)
    if value:
        from importlib.metadata import version  # noqa: PLC0415  slow, and rarely needed

        typer.echo(f"lumina {version('lumina-cli')}")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Train a small chatbot from nothing, on your own machine, and talk to it."""


def run(arguments: list[str] | None = None) -> int | None:
    """Run a command line, by default this process's own, and return its exit code.

    Raises:
        LuminaError: what a user can mend.
        Exception: Click's errors about what was typed.
    """
    given = sys.argv[1:] if arguments is None else arguments
    code: int | None = app(_as_click_reads(given), prog_name="lumina", standalone_mode=False)
    return code


def _as_click_reads(arguments: list[str]) -> list[str]:
    """Return the arguments with `--resume=PATH` as `--resume PATH`, and `help X` as `X --help`.

    Click knows no option that may stand alone or take a value, so `--resume` is a flag.
    """
    if arguments[:1] == ["help"]:
        return [*arguments[1:], "--help"]
    end = arguments.index("--") if "--" in arguments else len(arguments)
    apart: list[str] = []
    for argument in arguments[:end]:
        is_joined = argument.startswith("--resume=") and len(argument) > len("--resume=")
        apart += argument.split("=", 1) if is_joined else [argument]
    return apart + arguments[end:]


def drop_impossible_sizes(environ: MutableMapping[str, str]) -> None:
    """Drop what the libraries would take for the size of a terminal, where no terminal has it.

    They draw a table of a billion columns, or fail on what is no number.
    """
    for name in ("COLUMNS", "LINES", "TERMINAL_WIDTH"):
        if name in environ and not re.fullmatch("[1-9][0-9]{0,3}", environ[name]):
            del environ[name]


def main() -> None:
    """Run the command line and exit with its code."""
    drop_impossible_sizes(os.environ)
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault(*SHORT_WAITS)
    guard_streams()
    place = place_of(sys.argv[1:])
    if (
        (place is None or place.is_first)
        and takes_long(sys.argv[1:])
        and COMPLETES not in os.environ
    ):
        starting_line.show("starting …")
    from lumina_cli.cli.errors import run_guarded, show_tracebacks_cleaned  # noqa: PLC0415  Rich

    show_tracebacks_cleaned()
    code = run_guarded(run) if place is None else run_as_rank(run_guarded, run, place=place)
    flushed = run_guarded(sys.stdout.flush)
    sys.exit(code or flushed)
