"""Plain text, one document a file, in stretches that fit into memory."""

from collections.abc import Iterator
from typing import IO, NamedTuple

from lumina_cli.conversation import PlainText

STRETCH_CHARS = 1 << 18
"""Small enough for the arrays made of it to stay in the processor's cache."""


class Stretch(NamedTuple):
    """A part of a plain text and the line it begins on."""

    text: PlainText
    line: int


def stretches(file: IO[str]) -> Iterator[Stretch]:
    """Yield a text in stretches that end with a line where they can; nothing for blank text.

    Stretches of white space alone at the very beginning are dropped.
    """
    text, line, starts = _first_with_text(file)
    while text:
        more = file.read(STRETCH_CHARS)
        end = len(text) if not more else text.rfind("\n") + 1 or len(text)
        yield Stretch(PlainText(text[:end], starts=starts, ends=not more), line)
        line += text.count("\n", 0, end)
        text, starts = text[end:] + more, False


def _first_with_text(file: IO[str]) -> tuple[str, int, bool]:
    line = 1
    while text := file.read(STRETCH_CHARS):
        if not text.isspace():
            break
        line += text.count("\n")
    return text, line, True
