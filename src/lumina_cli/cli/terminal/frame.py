"""Facts in a frame: what is shown before a run, while it goes on, and after it."""

from collections.abc import Mapping

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from lumina_cli.cli.console import plain

WIDEST = 100
"""Columns: longer lines are hard to read."""
BORDERS = 4
"""Columns that a frame takes."""
GAP = 2


def framed(console: Console, content: RenderableType, *, title: str, style: str) -> Panel:
    """Return content in a frame, no wider than reads well."""
    width = min(console.width, WIDEST)
    return Panel(content, title=title, title_align="left", border_style=style, width=width)


def facts_frame(console: Console, facts: Mapping[str, str], *, title: str, style: str) -> Panel:
    """Return facts by name in a frame."""
    names = max(map(len, facts))
    room = min(console.width, WIDEST) - BORDERS - names - GAP
    grid = Table.grid(padding=(0, GAP))
    for name, text in facts.items():
        grid.add_row(Text(name, style="dim"), plain(shorten_paths(text, width=room)))
    return framed(console, grid, title=title, style=style)


def figures_grid(figures: Mapping[str, str], *, width: int) -> Table:
    """Return figures below their names, side by side as far as there is room."""
    rows: list[dict[str, str]] = [{}]
    room = width
    for name, figure in figures.items():
        needed = max(cell_len(name), cell_len(figure)) + GAP
        if rows[-1] and needed - GAP > room:
            rows.append({})
            room = width
        rows[-1][name] = figure
        room -= needed
    grid = Table.grid()
    for row in rows:
        line = Table.grid(padding=(0, GAP))
        line.add_row(*(Text(name, style="dim", no_wrap=True) for name in row))
        line.add_row(*(Text(figure, no_wrap=True) for figure in row.values()))
        grid.add_row(line)
    return grid


def shorten_paths(text: str, *, width: int) -> str:
    """Return a text in which paths that are longer than a line leave out their first folders."""
    return "\n".join(
        " ".join(_shortened(word, width=max(width, 2)) for word in line.split(" "))
        for line in text.split("\n")
    )


def _shortened(word: str, *, width: int) -> str:
    if cell_len(word) <= width or "/" not in word:
        return word
    end = word[-(width - 1) :]
    return "…" + end[max(end.find("/"), 0) :]
