"""Two models: side by side where there is room, else one below the other."""

from collections.abc import Callable, Iterable, Iterator
from itertools import zip_longest

from rich.console import Console
from rich.text import Text

from lumina_cli.cli.console import plain
from lumina_cli.cli.views.look.canvas import Canvas, dim
from lumina_cli.cli.views.look.next import next_lines
from lumina_cli.io.terminal_text import one_line
from lumina_cli.look.next_character import NextView
from lumina_cli.look.views import CompareView, Side, View

LEAST_WIDTH = 100
"""Columns for two side by side."""

GAP = " │ "

Draw = Callable[[View, Canvas], Iterator[Text]]


def compare_lines(view: CompareView, canvas: Canvas, *, draw: Draw) -> Iterator[Text]:
    """Yield both; what may come next as one table.

    Args:
        view: of two models.
        canvas: to draw on.
        draw: makes lines of the view of one.
    """
    sides = (view.left, view.right)
    if canvas.width < LEAST_WIDTH:
        for side in sides:
            yield from (*_heading(side, canvas), *draw(side.shown, canvas), Text(""))
        return
    half = canvas._replace(width=(canvas.width - len(GAP)) // 2)
    shown = [side.shown for side in sides]
    nexts = [each for each in shown if isinstance(each, NextView) and not each.held]
    if len(nexts) < len(sides):
        drawn = [(*_heading(side, half), *draw(side.shown, half)) for side in sides]
        yield from _columns(drawn, half)
        return
    yield from _columns([_heading(side, half) for side in sides], half)
    yield from next_lines(nexts, canvas, names=[side.model.name for side in sides])
    yield from map(dim, dict.fromkeys(note for each in nexts for note in each.notes))


def _heading(side: Side, canvas: Canvas) -> Iterator[Text]:
    yield plain(one_line(f"{side.model.name} ({side.model.digest[:8]})"), style="bold")
    if side.reply:
        yield plain(f"replies: {canvas.visible(side.reply)}")


def _columns(sides: Iterable[Iterable[Text]], canvas: Canvas) -> Iterator[Text]:
    """Yield the lines of two beside each other; one that is too long goes on in the next."""
    gap, ruler = canvas.symbol(GAP, " | "), Console(width=canvas.width)
    wrapped = ([part for line in side for part in line.wrap(ruler, canvas.width)] for side in sides)
    for left, right in zip_longest(*wrapped, fillvalue=Text("")):
        line = left.copy()
        line.truncate(canvas.width, pad=True)
        yield line + gap + right
