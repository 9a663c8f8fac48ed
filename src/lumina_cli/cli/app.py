"""The `lumina` command: what it is made of, and its way out."""

import sys
from typing import Annotated

import typer

from lumina_cli.cli.lazy import LazyGroup

app = typer.Typer(
    name="lumina",
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
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
    code: int | None = app(arguments, prog_name="lumina", standalone_mode=False)
    return code


def main() -> None:
    """Run the command line and exit with its code."""
    from lumina_cli.cli.errors import run_guarded  # noqa: PLC0415  Rich is slow to start

    sys.exit(run_guarded(run))
