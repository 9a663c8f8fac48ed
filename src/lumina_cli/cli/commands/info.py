"""`lumina info`: what a model file holds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from lumina_cli.cli.console import print_json, print_text, stdout_console
from lumina_cli.cli.formatting import counted
from lumina_cli.cli.help.completion import models
from lumina_cli.cli.options import Json, Verbose
from lumina_cli.cli.views.facts import INDENT, group_lines, model_groups
from lumina_cli.errors import MissingInputError
from lumina_cli.io.terminal_text import one_line

MAX_LINE_CHARS = 2_000

FIRST_SHOWN, LONGEST_SHOWN = 20, 10
"""Pieces of a tokenizer; there are hundreds."""


def command(
    model: Annotated[
        Path,
        typer.Argument(
            help="The model file.", metavar="FILE", autocompletion=models, readable=False
        ),
    ] = Path("Model.pth"),
    *,
    json: Json = False,
    verbose: Verbose = 0,
) -> None:
    """Show what a model file contains: shape, vocabulary, training."""
    from lumina_cli.recipes.infer.model_info import model_info  # noqa: PLC0415  torch

    try:
        facts = model_info(model)
    except MissingInputError as error:  # here a model is named without a flag
        error.hint = error.hint.replace("--model ", "lumina info ")
        raise
    if json:
        print_json(facts)
        return
    for line in _lines(facts):
        shown = one_line(line, max_chars=MAX_LINE_CHARS)
        print_text(stdout_console(), shown, indent=" " * INDENT)


def _lines(facts: dict[str, Any]) -> Iterator[str]:
    yield from group_lines(model_groups(facts))
    training = facts["training"]
    if isinstance(pieces := facts.get("pieces"), list) and pieces:
        yield f"  {'pieces':<11}  {_some_pieces(pieces)}"
    lineage = training.get("lineage", []) if isinstance(training, dict) else []
    yield from (f"  {'lineage':<11}  {line}" for line in _lineage_lines(lineage))


def _some_pieces(pieces: list[str]) -> str:
    """Return how many pieces there are, the first that were learnt, and the longest."""
    longest = sorted(pieces, key=len, reverse=True)[:LONGEST_SHOWN]
    first = " ".join(map(_with_visible_space, pieces[:FIRST_SHOWN]))
    return (
        f"{len(pieces):,}; learnt first: {first}; "
        f"longest: {' '.join(map(_with_visible_space, longest))} (all: --json)"
    )


def _with_visible_space(piece: str) -> str:
    return piece.replace(" ", "␣").replace("\n", "↵")


def _lineage_lines(lineage: list[dict[str, Any]]) -> Iterator[str]:
    """Yield what a model came from, the oldest first; a file from elsewhere may tell less."""
    for link in lineage:
        added = len(str(link.get("characters_added", "")))
        yield (
            f"{link.get('base')} (digest {str(link.get('base_digest'))[:12]}…, trained on "
            f"{_in_words(link.get('base_trained_on'))}) learnt {_in_words(link.get('trained_on'))}"
            f" on {str(link.get('when'))[:10]}, {counted(added, 'character')} added"
        )


def _in_words(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key} {item}" for key, item in value.items()) or "as usual"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
