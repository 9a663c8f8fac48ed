"""`lumina docs`: the documentation that was installed with it."""

import pydoc
import shutil
import sys
from typing import Annotated

import typer

from lumina_cli.cli.console import never_fail_to_encode
from lumina_cli.cli.help.docs import as_plain_text, pages, read_page, title_of

WIDEST = 100
"""Longer lines are hard to read."""


def complete(incomplete: str) -> list[tuple[str, str]]:
    """Offer the pages with their titles."""
    return [(name, title_of(path)) for name, path in pages().items() if name.startswith(incomplete)]


def command(
    page: Annotated[
        str,
        typer.Argument(
            help="Name of a page; without one, all are listed.",
            autocompletion=complete,
            show_default=False,
        ),
    ] = "",
) -> None:
    """Read the documentation: a page, or the list of all pages."""
    never_fail_to_encode()
    if page:
        _show(read_page(page))
        return
    found = pages()
    width = max(map(len, found))
    for name, path in found.items():
        typer.echo(f"{name:<{width}}  {title_of(path)}")
    typer.echo(f"\nRead one: lumina docs {next(iter(found))}")


def _show(text: str) -> None:
    """Page through a text on a terminal; elsewhere, print it."""
    if sys.stdout.isatty() and sys.stdin is not None and sys.stdin.isatty():
        width = min(shutil.get_terminal_size().columns, WIDEST)
        pydoc.pager(as_plain_text(text, width=width))
    else:
        typer.echo(text.rstrip("\n"))
