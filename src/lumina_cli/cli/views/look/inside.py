"""What goes on inside a model, as lines for a terminal: layers, heads, characters."""

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text

from lumina_cli.cli.console import plain
from lumina_cli.cli.formatting import counted
from lumina_cli.cli.views.look.canvas import Canvas, dim, padded, percent
from lumina_cli.cli.views.look.heat import Cell, heat, level, text_cells
from lumina_cli.look.characters import CharactersView
from lumina_cli.look.heads import HeadsView
from lumina_cli.look.layers import LayersView
from lumina_cli.look.pieces import Guess

LONGEST_CELL = 6
NUM_ROWS = 3
"""Heads whose attention is drawn: those that are worth the most."""

TENTH = 0.1


def layers_lines(view: LayersView, canvas: Canvas) -> Iterator[Text]:
    """Yield the text, and under each piece what was expected there after each layer."""
    pieces = view.text.pieces[1:]
    margin = 9
    size = min(LONGEST_CELL, max([1, *(cell_len(canvas.visible(p.text)) for p in pieces)]))
    num_shown = max(1, (canvas.width - margin - 1) // size)
    first = max(0, len(pieces) - num_shown)
    if first:
        yield dim(f"the last {num_shown} of {len(pieces)}")
    shown = "".join(_cut(piece.text or piece.label, size, canvas) for piece in pieces[first:])
    yield plain(padded("text", margin) + shown)
    for number, (ids, probs) in enumerate(zip(view.top_ids, view.top_probs, strict=True)):
        name = "embedded" if number == 0 else f"layer {number}"
        line = Text(padded(name, margin))
        digits = ""
        for place in range(first, len(pieces)):
            label = _cut(view.labels[ids[place][0]], size, canvas)
            is_right = ids[place][0] == pieces[place].id
            line.append(plain(label, style="bold green" if is_right else "dim"))
            digits += padded(str(min(9, int(probs[place][0] * 10))), size)
        yield line
        if not canvas.has_colour:
            yield plain(padded("", margin) + digits.rstrip())
    yield dim(
        "green: what came next"
        if canvas.has_colour
        else "digits: how sure, in tenths; 9 is 90 % or more"
    )


def _cut(label: str, size: int, canvas: Canvas) -> str:
    """Return a label in so many columns; a tag in few is a dot."""
    shown = canvas.label(label)
    if cell_len(shown) <= size:
        return padded(shown, size)
    if label.startswith("<"):
        return padded(canvas.symbol("·", "*"), size)
    while cell_len(shown) > size:
        shown = shown[:-1]
    return padded(shown, size)


def heads_lines(view: HeadsView, canvas: Canvas) -> Iterator[Text]:
    """Yield what each head is worth, what those worth the most look at, and what goes without."""
    yield plain(f"what each head is worth for {canvas.label(view.target_label)}, in nats:")
    num_heads = len(view.deltas[0])
    yield plain(padded("", 9) + "".join(f"{f'head {n + 1}':>9}" for n in range(num_heads)))
    for number, row in enumerate(view.deltas):
        yield plain(padded(f"layer {number + 1}", 9) + "".join(f"{delta:>+9.2f}" for delta in row))
    places = [(layer, head) for layer in range(len(view.rows)) for head in range(num_heads)]
    places.sort(key=lambda place: -view.deltas[place[0]][place[1]])
    for layer, head in places[:NUM_ROWS]:
        yield plain(f"head {layer + 1}.{head + 1} looks at:")
        yield from _row(view, view.rows[layer][head], canvas)
    if not canvas.has_colour:
        yield dim("digits: attention in tenths")
    if view.off:
        names = ", ".join(f"{layer + 1}.{head + 1}" for layer, head in view.off)
        yield plain(f"with all heads: {_guesses(view.guesses, canvas)}")
        yield plain(f"without {names}:  {_guesses(view.guesses_off, canvas)}")


def _row(view: HeadsView, row: Sequence[float], canvas: Canvas) -> Iterator[Text]:
    pieces = view.text.pieces[: view.position + 1]
    levels = [level(share, scale=TENTH) for share in row]
    yield from heat(text_cells(pieces, canvas=canvas, levels=levels), canvas)


def _guesses(guesses: Sequence[Guess], canvas: Canvas) -> str:
    return ", ".join(f"{canvas.label(g.label)} {percent(g.prob).strip()}" for g in guesses)


def characters_lines(view: CharactersView, canvas: Canvas) -> Iterator[Text]:
    """Yield the neighbours of each character, and the grid of all where it fits."""
    names = [canvas.label(label) for label in view.labels]
    entries = [
        f"{name}: {' '.join(map(canvas.label, own.labels))}"
        for name, own in zip(names, view.neighbours, strict=True)
    ]
    size = max(map(cell_len, entries), default=0) + 3
    num_columns = max(1, canvas.width // max(size, 1))
    yield plain("each with those most like it:")
    for start in range(0, len(entries), num_columns):
        row = entries[start : start + num_columns]
        yield plain("".join(padded(entry, size) for entry in row).rstrip())
    if len(names) + 3 < canvas.width:
        yield from _grid(view, names, canvas)
    if view.num_left_out:
        yield dim(f"{counted(view.num_left_out, 'character')} more: name those to compare")


def _grid(view: CharactersView, names: Sequence[str], canvas: Canvas) -> Iterator[Text]:
    yield Text("")
    yield plain("  " + "".join(padded(name, 1) for name in names))
    for name, row in zip(names, view.similarity, strict=True):
        line = Text(padded(name, 1) + " ")
        for similarity in row:
            size = level(similarity, scale=TENTH)
            line.append(
                next(iter(heat([Cell(" ", size)], canvas))) if canvas.has_colour else _tenth(size)
            )
        yield line
    if not canvas.has_colour:
        yield dim("digits: similarity in tenths; . is none, - is the opposite")


def _tenth(size: int) -> str:
    return str(size) if size > 0 else "." if size > -3 else "-"
