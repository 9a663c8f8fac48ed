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


def main() -> None:
    """Run the command line and exit with its code."""
    from lumina_cli.cli.errors import run_guarded  # noqa: PLC0415  Rich is slow to start

    sys.exit(run_guarded(lambda: app(prog_name="lumina")))
