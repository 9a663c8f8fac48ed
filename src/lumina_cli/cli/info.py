"""`lumina info`: what a model file holds."""

from pathlib import Path
from typing import Annotated

import typer

from lumina_cli.cli.console import plain, print_json
from lumina_cli.cli.options import Json, Verbose
from lumina_cli.cli.wording import format_count


def command(
    model: Annotated[Path, typer.Argument(help="The model file.")] = Path("Model.pth"),
    *,
    json: Json = False,
    verbose: Verbose = 0,
) -> None:
    """Show what a model file holds: shape, vocabulary, how it was trained."""
    from lumina_cli.recipes.inspect import describe_model  # noqa: PLC0415  torch

    facts = describe_model(model)
    if json:
        print_json(facts)
        return
    for name, value in facts.items():
        shown = format_count(value) if name == "parameters" and isinstance(value, int) else value
        if isinstance(value, dict):
            shown = ", ".join(f"{key} {_in_words(item)}" for key, item in value.items())
        typer.echo(plain(f"{name:<12} {shown}").plain)


def _in_words(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key} {item}" for key, item in value.items()) or "as usual"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
