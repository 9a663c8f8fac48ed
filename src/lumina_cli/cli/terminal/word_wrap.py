"""Text that comes piece by piece, in lines that break between words."""

from collections.abc import Iterable, Iterator

from rich.cells import cell_len

LEAST_WIDTH = 20
"""In narrower terminals words break where they may."""


def wrapped(texts: Iterable[str], *, width: int, column: int = 0) -> Iterator[str]:
    """Yield the pieces of a text in lines that break between words; all of it, if it is stopped."""
    if width < LEAST_WIDTH:
        yield from texts
        return
    wrap = WordWrap(width, column=column)
    try:
        for text in texts:
            yield wrap.feed(text)
    except KeyboardInterrupt:
        yield wrap.end()
        raise
    yield wrap.end()


class WordWrap:
    """Breaks lines between words, as text comes; a word waits until it is whole.

    Args:
        width: of a line, in columns.
        column: where the first line begins.
    """

    def __init__(self, width: int, *, column: int = 0) -> None:
        self._width = width
        self._column = column
        self._word = ""

    def feed(self, text: str) -> str:
        """Return what can be shown by now."""
        shown = []
        for char in text:
            if char.isspace():
                shown += [self._take_word(), self._space(char)]
                continue
            self._word += char
            if cell_len(self._word) >= self._width:  # no word, or one of a script without spaces
                shown.append(self._take_word())
        return "".join(shown)

    def end(self) -> str:
        """Return the last word."""
        return self._take_word()

    def _take_word(self) -> str:
        word, self._word = self._word, ""
        length = cell_len(word)
        if self._column and self._column + length > self._width and length < self._width:
            self._column = length
            return "\n" + word
        self._column += length
        if self._column > self._width:  # the terminal breaks it
            self._column %= self._width
        return word

    def _space(self, char: str) -> str:
        if char == "\n" or self._column + 1 >= self._width:
            self._column = 0
            return "\n"
        self._column += 1
        return char
