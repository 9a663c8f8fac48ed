"""The elements of a JSON array as texts, one at a time, however long the array.

A scan for brackets, commas and whole strings finds where elements end; they are parsed
elsewhere (`rows.py`). So one bad element does not spoil those behind it, and memory holds
one element and a chunk of the file.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from lumina_cli.data.readers.json.envelope import (
    begin_of_map,
    begin_of_rows,
    only_scalars_follow,
    without_key,
)
from lumina_cli.data.rows import MAX_BRACKETS, MAX_ROW_CHARS
from lumina_cli.errors import DataError

CHUNK_CHARS = 1 << 16

_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|["{}\[\],]', re.DOTALL)
"""A whole string, a bracket, a comma, or the beginning of a string that goes on behind."""

_DECODER = json.JSONDecoder(strict=False)


class Element(NamedTuple):
    """The text of an element, the line it begins on, and whether the file ends inside it.

    `behind` marks what stands behind a list of rows in the same object, and is no row.
    """

    text: str
    line: int
    cut: bool = False
    behind: bool = False


def elements(file: IO[str], *, path: Path) -> Iterator[Element]:
    """Yield the elements of the array in `file`, or the values that follow one another in it.

    An object around a list of rows is looked into (`envelope.py`).

    Raises:
        DataError: an element is too long, as when its bracket is never closed.
    """
    window = _Window(file, path=path)
    enveloped = window.enter_envelope()
    in_map = not enveloped and window.enter_map()
    in_array = enveloped or in_map or window.text.startswith("[", window.start)
    window.start += in_array and not enveloped and not in_map
    depth, at = 0, window.start
    while True:
        if depth == 0 and at == window.start:
            at = window.end_of_value()
            if at > window.start and not in_array:
                yield from window.take(at)
                continue
        token = _TOKEN.search(window.text, at)
        if token is None or token[0] == '"':
            seen = token.start() if token else len(window.text)
            if not window.grow():
                break
            at = seen - window.dropped
            continue
        at = token.end()
        depth += _STEP.get(token[0], 0)
        if depth > MAX_BRACKETS:
            raise window.endless()
        if depth < 0 or (in_array and depth == 0 and token[0] == ","):
            for element in window.take(token.start()):
                yield element._replace(text=without_key(element.text)) if in_map else element
            window.start = at
            if enveloped and depth < 0:
                yield from window.rest()
                return
            in_array, depth = in_array and depth == 0, max(depth, 0)
        elif not in_array and depth == 0 and token[0] in "}]":
            yield from window.take(at)
    yield from window.take(len(window.text), cut=True)


_STEP = {"{": 1, "[": 1, "}": -1, "]": -1}


class _Window:
    """The part of the file that is looked at; `start` is where the next element begins."""

    def __init__(self, file: IO[str], *, path: Path) -> None:
        self._file = file
        self._path = path
        self._line = 1
        self.text = file.read(CHUNK_CHARS)
        self.dropped = 0
        self.start = 0
        self._skip_blank()

    def enter_envelope(self) -> bool:
        """Go to the first row of a list inside an object, if that is what the file holds."""
        begin = begin_of_rows(self.text[self.start :])
        if begin is None:
            return False
        self._line += self.text.count("\n", self.start, self.start + begin)
        self.start += begin
        return True

    def enter_map(self) -> bool:
        """Go to the first conversation of an object of them, if that is what the file holds."""
        begin = begin_of_map(self.text[self.start :])
        if begin is None:
            return False
        self._line += self.text.count("\n", self.start, self.start + begin)
        self.start += begin
        return True

    def rest(self) -> Iterator[Element]:
        """Yield what follows the list in its envelope, unless it is numbers and short texts."""
        self.grow()
        text = self.text[self.start :]
        if self._file.read(1) or not only_scalars_follow(text):
            yield Element(text, self._line, behind=True)

    def grow(self) -> bool:
        """Drop what is done and read on; twice as far each time an element goes on."""
        more = self._file.read(max(CHUNK_CHARS, len(self.text) - self.start))
        self.dropped = self.start
        self.text = self.text[self.start :] + more
        self.start = 0
        if len(self.text) > 2 * MAX_ROW_CHARS:
            raise self.endless()
        return bool(more)

    def endless(self) -> DataError:
        """Return the error for the element that begins here."""
        return DataError(
            f"{self._path}:{self._line} begins an element that does not end",
            hint="A bracket or a quote is not closed; one row a line (.jsonl) is safer.",
        )

    def end_of_value(self) -> int:
        """Return where the value that begins here ends, by the quick parser, or its beginning.

        The beginning stands for a value that goes on behind the window, is damaged, or is
        nested too deep: then its brackets are counted.
        """
        self._skip_blank()
        if not self.text.startswith(("{", "["), self.start):
            return self.start
        try:
            return _DECODER.raw_decode(self.text, self.start)[1]
        except (ValueError, RecursionError):
            return self.start

    def take(self, end: int, *, cut: bool = False) -> Iterator[Element]:
        """Yield what stands before `end`, unless it is blank."""
        self._skip_blank()
        text = self.text[self.start : end]
        if text.strip():
            yield Element(text, self._line, cut)
        self._line += text.count("\n")
        self.start = max(end, self.start)

    def _skip_blank(self) -> None:
        blank = _BLANK.match(self.text, self.start)
        assert blank
        self._line += blank[0].count("\n")
        self.start = blank.end()


_BLANK = re.compile("[ \t\r\n\ufeff]*")
