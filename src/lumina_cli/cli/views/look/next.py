"""What may come next, as a table for a terminal: of one model, or of several beside each other."""

import math
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text

from lumina_cli.cli.console import plain
from lumina_cli.cli.views.look.canvas import Canvas, cut, dim, padded, percent
from lumina_cli.cli.views.look.heat import text_cells
from lumina_cli.look.next_character import Candidate, NextView

NUM_BARS = 10
LEAST_SHOWN = 0.0005
LONGEST_BAR = 40
_FIGURES = 17
"""Columns beside a bar: what the model expects, and what is drawn."""

Found = dict[str, Candidate]
"""Candidates by label."""


def next_lines(
    views: Sequence[NextView], canvas: Canvas, *, names: Sequence[str]
) -> Iterator[Text]:
    """Yield the table: a line for each candidate, and in it a bar of each model.

    Args:
        views: of one text, by one model or several.
        canvas: to draw on.
        names: of the models.
    """
    told = "".join(cell.text for cell in text_cells(views[0].text.pieces, canvas=canvas))
    yield dim(f"after …{told[-max(10, canvas.width - 20) :]}")
    if held := views[0].held:
        yield dim(f"then {canvas.visible(held)!r} again: the next piece may hold more than that")
    found = [{each.label: each for each in view.candidates} for view in views]
    shown = _likeliest(found)
    labels = [canvas.label(label) for label in shown]
    label_size = max([6, *map(cell_len, labels)])
    bar_size = max(4, min(LONGEST_BAR, (canvas.width - label_size - 1) // len(views) - _FIGURES))
    titles = (
        f"  {cut(name, bar_size + 7)}  {cut(str(view.sampling['sampler']), 6)}"
        for name, view in zip(names, views, strict=True)
    )
    yield dim(padded("", label_size) + "".join(titles))
    for key, label in zip(shown, labels, strict=True):
        cells = (_cell(each.get(key), bar_size, canvas) for each in found)
        yield plain((padded(label, label_size) + "".join(cells)).rstrip())
    rests = (_rest(view, own, shown, bar_size) for view, own in zip(views, found, strict=True))
    yield dim((padded("others", label_size) + "".join(rests)).rstrip())


def _likeliest(found: Sequence[Found]) -> list[str]:
    """Return the labels that are shown, the likeliest to any model first."""
    best: dict[str, float] = {}
    for own in found:
        for label, each in own.items():
            if each.prob >= LEAST_SHOWN or each.drawn > 0:
                best[label] = max(best.get(label, 0.0), each.prob)
    return sorted(best, key=lambda label: -best[label])[:NUM_BARS]


def _cell(candidate: Candidate | None, bar_size: int, canvas: Canvas) -> str:
    if candidate is None:  # not among the likeliest of this model
        return " " * (bar_size + _FIGURES)
    bar = padded(canvas.bar(candidate.prob, size=bar_size), bar_size)
    drawn = percent(candidate.drawn) if candidate.drawn else "     -"
    return f"  {bar} {percent(candidate.prob)}  {drawn}"


def _rest(view: NextView, own: Found, shown: Sequence[str], bar_size: int) -> str:
    others = 1 - math.fsum(own[label].prob for label in shown if label in own)
    kept = padded(f"{view.num_kept} may be drawn", bar_size)
    return f"  {kept} {percent(max(others, 0.0))}  {padded('', 6)}"
