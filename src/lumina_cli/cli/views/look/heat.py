"""A text whose pieces have values: coloured by them, or with a digit under each."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text

from lumina_cli.cli.views.look.canvas import GREY, Canvas, padded
from lumina_cli.look.pieces import Piece
from lumina_cli.tokenizer.special_ids import Special, is_special

_WARM = ("", "#fff3cc", "#ffe699", "#ffd24d", "#ffb31a", "#ff8c1a", "#ff704d", "#ff4d4d", "#e63939")
_COLD = ("", "#e6f2ff", "#cce6ff", "#b3d9ff", "#99ccff", "#80bfff", "#66b3ff", "#4da6ff", "#3399ff")
MOST = 9
NONE = "."


class Cell(NamedTuple):
    """A piece that is drawn.

    Attributes:
        text: how it is shown.
        level: from −9 to 9; None where there is no value.
        begins_line: whether it stands at the beginning of a line.
        ends_line: whether a line ends behind it.
        is_grey: whether it was not learnt from.
        is_marked: whether it is the one that all is about.
    """

    text: str
    level: int | None = None
    begins_line: bool = False
    ends_line: bool = False
    is_grey: bool = False
    is_marked: bool = False


def text_cells(
    pieces: Sequence[Piece], *, canvas: Canvas, levels: Sequence[int | None] = ()
) -> list[Cell]:
    """Return the pieces of a text as cells; each turn but the first begins a line."""
    cells = []
    for place, piece in enumerate(pieces):
        is_turn = is_special(piece.id) and piece.id not in (Special.BEGIN, Special.END)
        cells.append(
            Cell(
                canvas.piece(piece) + (" " if is_turn else ""),
                levels[place] if levels else None,
                begins_line=is_turn and place > 1,
                ends_line=piece.text.endswith("\n"),
                is_grey=not piece.counted,
            )
        )
    return cells


def level(value: float, *, scale: float = 1.0) -> int:
    """Return a value in steps of `scale`, from −9 to 9."""
    return max(-MOST, min(MOST, round(value / scale)))


def heat(cells: Sequence[Cell], canvas: Canvas) -> Iterator[Text]:
    """Yield the lines of a text; without colours a line of digits under each.

    Values below zero have digits of their own, in a line that begins with a minus.
    """
    has_minus = any(cell.level is not None and cell.level < 0 for cell in cells)
    margin = 0 if canvas.has_colour else 2
    for line in _lines(cells, width=canvas.width - 1 - margin):
        text = Text(" " * margin)
        for cell in line:
            text.append(cell.text, style=_style(cell, canvas))
        yield text
        if canvas.has_colour:
            continue
        yield from _digits(line, sign=1, mark="  ")
        if has_minus and any(cell.level and cell.level < 0 for cell in line):
            yield from _digits(line, sign=-1, mark="- ")


def _digits(line: Sequence[Cell], *, sign: int, mark: str) -> Iterator[Text]:
    """Yield the line of digits, if any is to be seen."""
    shown = [_digit(cell, sign=sign) for cell in line]
    if any(digit != " " for digit in shown):
        cells = zip(shown, line, strict=True)
        digits = "".join(padded(digit, cell_len(cell.text)) for digit, cell in cells)
        yield Text(f"{mark}{digits}".rstrip())


def _digit(cell: Cell, *, sign: int) -> str:
    if cell.is_marked and sign > 0:
        return "^"
    if cell.level is None or not cell.text:
        return " "
    size = sign * cell.level
    return str(size) if size > 0 else NONE if size == 0 and sign > 0 else " "


def _style(cell: Cell, canvas: Canvas) -> str:
    if cell.is_marked:
        return "bold reverse"
    if canvas.has_colour and cell.level:
        colours = _WARM if cell.level > 0 else _COLD
        return f"black on {colours[min(abs(cell.level), len(colours) - 1)]}"
    return GREY if cell.is_grey else ""


def _lines(cells: Sequence[Cell], *, width: int) -> Iterator[list[Cell]]:
    """Yield cells in lines that break behind a space, where there is one."""
    line: list[Cell] = []
    used = 0
    for cell in cells:
        size = cell_len(cell.text)
        if line and (cell.begins_line or used + size > width):
            kept = 0 if cell.begins_line else _num_after_space(line)
            rest = line[len(line) - kept :]
            yield line[: len(line) - kept]
            line, used = rest, sum(cell_len(each.text) for each in rest)
        line.append(cell)
        used += size
        if cell.ends_line:
            yield line
            line, used = [], 0
    if line:
        yield line


def _num_after_space(line: Sequence[Cell]) -> int:
    """Return how many cells stand behind the last space; none where that is half a line."""
    for number, cell in enumerate(reversed(line)):
        if cell.text.endswith(" "):
            return number if number < len(line) // 2 else 0
    return 0
