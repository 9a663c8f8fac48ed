"""Views of a text as lines for a terminal."""

import math
from collections.abc import Iterator, Sequence

from rich.text import Text

from lumina_cli.cli.console import plain
from lumina_cli.cli.formatting import counted
from lumina_cli.cli.views.look.canvas import Canvas, dim, percent
from lumina_cli.cli.views.look.compare import compare_lines
from lumina_cli.cli.views.look.heat import heat, level, text_cells
from lumina_cli.cli.views.look.inside import characters_lines, heads_lines, layers_lines
from lumina_cli.cli.views.look.next import next_lines
from lumina_cli.cli.views.look.source import source_lines
from lumina_cli.look.characters import CharactersView
from lumina_cli.look.heads import HeadsView
from lumina_cli.look.layers import LayersView
from lumina_cli.look.matters import ContextPoint, MattersView
from lumina_cli.look.next_character import NextView
from lumina_cli.look.pieces import Guess
from lumina_cli.look.pieces import Text as PieceText
from lumina_cli.look.source.view import SourceView
from lumina_cli.look.surprise import SurpriseView
from lumina_cli.look.views import CompareView, OverviewView, View

NUM_LEAST_SURE = 5
OTHERS = "more: --next --surprise --matters --source --layers --heads --characters --compare"
CURVE_POINTS = 8


def lines_of(view: View | CompareView, canvas: Canvas) -> Iterator[Text]:
    """Yield a view as lines, what a person should know of it at the end."""
    match view:
        case NextView():
            yield from next_lines([view], canvas, names=["the model"])
        case SurpriseView():
            yield from _surprise(view, canvas)
        case MattersView():
            yield from _matters(view, canvas)
        case SourceView():
            yield from source_lines(view, canvas)
        case LayersView():
            yield from layers_lines(view, canvas)
        case HeadsView():
            yield from heads_lines(view, canvas)
        case CharactersView():
            yield from characters_lines(view, canvas)
        case CompareView():
            yield from compare_lines(view, canvas, draw=lines_of)
        case OverviewView():
            yield from _overview(view, canvas)
    for note in view.notes:
        yield dim(note)


def _left_out(text: PieceText) -> Iterator[Text]:
    if text.num_left_out:
        yield dim(f"({counted(text.num_left_out, 'token')} before this are out of sight)")


def _surprise(view: SurpriseView, canvas: Canvas) -> Iterator[Text]:
    yield from _left_out(view.text)
    levels = [
        level(cost) if cost is not None and piece.counted else None
        for cost, piece in zip(view.nats, view.text.pieces, strict=True)
    ]
    yield from heat(text_cells(view.text.pieces, canvas=canvas, levels=levels), canvas)
    if view.nats_per_char is None:
        yield plain("No character here was learnt from.")
        return
    choices = math.exp(view.nats_per_char)
    yield plain(
        f"{view.nats_per_char:.4f} nats per character over {view.num_chars:,}: "
        f"as unsure as choosing among {choices:.2f}"
    )
    if not canvas.has_colour:
        yield dim("digits: nats of the character above, 9 is 9 or more; . is under a half")
    yield plain("least sure of:")
    for place in view.least_sure[:NUM_LEAST_SURE]:
        piece, nats = view.text.pieces[place], view.nats[place]
        assert nats is not None, place
        before = text_cells(view.text.pieces[max(0, place - 12) : place], canvas=canvas)
        others = _guesses([g for g in view.expected[place] if g.id != piece.id][:3], canvas)
        yield plain(
            f"  {canvas.label(piece.label)} {percent(math.exp(-nats)).strip()} after "
            f"'{''.join(cell.text for cell in before)}'; it had in mind {others}"
        )


def _guesses(guesses: Sequence[Guess], canvas: Canvas) -> str:
    return ", ".join(f"{canvas.label(g.label)} {percent(g.prob).strip()}" for g in guesses)


def _matters(view: MattersView, canvas: Canvas) -> Iterator[Text]:
    target, likeliest = view.text.pieces[view.target], _guesses(view.guesses[:3], canvas)
    yield plain(
        f"what mattered for {canvas.label(target.label)} "
        f"({percent(math.exp(view.logprob)).strip()}; likeliest: {likeliest})"
    )
    yield from _left_out(view.text)
    levels = [None if delta is None else level(delta) for delta in view.deltas]
    behind = len(view.text.pieces) - len(levels)
    cells = text_cells(view.text.pieces, canvas=canvas, levels=[*levels, *[None] * behind])
    cells[view.target] = cells[view.target]._replace(is_marked=True)
    yield from heat(cells, canvas)
    if view.delta_before is not None:
        yield plain(
            f"the {view.first_hidden} before, hidden together: {view.delta_before:+.2f} nats"
        )
    if canvas.has_colour:
        yield dim("warm: without it the character would be less likely; blue: more likely")
    else:
        yield dim("digits: nats that it loses when the piece is hidden; after -, that it gains")
    yield plain(f"by length of context: {_curve(view.curve)}")


def _curve(points: Sequence[ContextPoint]) -> str:
    step = max(1, -(-len(points) // CURVE_POINTS))
    shown = [*points[:-1][::step], points[-1]]
    return ", ".join(f"{p.num_ids}: {percent(math.exp(p.logprob)).strip()}" for p in shown)


def _overview(view: OverviewView, canvas: Canvas) -> Iterator[Text]:
    parts: list[View | None] = [view.surprise, view.matters, view.source, view.next]
    for part in parts:
        if part is not None:
            yield from lines_of(part, canvas)
            yield Text("")
    yield dim(OTHERS)
