"""JSON exports of any size, one message at a time.

An export is one object with its messages in a list somewhere inside, or a list of messages.
`items` walks through it and yields each scalar with the keys that lead to it, and each element
of a list of messages as a whole. Memory holds one element and a chunk of the file. A damaged
element is counted, and the next one is read.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from lumina_cli.data.report import Location, ReadReport
from lumina_cli.data.rows import MAX_ROW_CHARS

CHUNK_CHARS = 1 << 16
WHOLE = "messages"
"""Lists under this key, and a list that is the whole file, are yielded element by element."""

_MOST_KEYS = 12
_DECODER = json.JSONDecoder(strict=False)
_BLANK = re.compile("[ \t\r\n\ufeff]*")
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|["{}\[\],]', re.DOTALL)
_TELEGRAM_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\x([0-9A-F]{2})")
"""What Telegram writes for control characters, and JSON does not know."""

_DAMAGED = object()


class Item(NamedTuple):
    """A value, the keys that lead to it, and the line it begins on."""

    keys: tuple[str, ...]
    value: object
    line: int


class _BrokenError(ValueError):
    """What stands here is no JSON, and nothing behind it can be found."""


def items(file: IO[str], *, path: Path, report: ReadReport | None) -> Iterator[Item]:
    """Yield what an export holds, in the order of the file.

    Args:
        file: the text.
        path: its name.
        report: what can't be read is counted here; None where the text is only a sample.
    """
    walk = _Walk(file, path=path, report=report)
    try:
        yield from walk.root()
    except _BrokenError as error:
        walk.skip(str(error))


class _Walk:
    def __init__(self, file: IO[str], *, path: Path, report: ReadReport | None) -> None:
        self._file = file
        self._path = path
        self._report = report
        self._text = ""
        self._at = 0
        self._line = 1
        self._counted = 0

    def root(self) -> Iterator[Item]:
        """Yield the items of the file."""
        if self._peek() == "[":
            yield from self._elements((), whole=True)
        elif self._peek() == "{":
            yield from self._object(())

    def skip(self, wording: str) -> None:
        """Count what can't be read."""
        if self._report is not None:
            self._report.saw_row(self._path, "unreadable")
            self._report.skipped.add(wording, Location(self._path, self._line_now()))

    def _object(self, keys: tuple[str, ...]) -> Iterator[Item]:
        self._at += 1
        while (char := self._peek()) != "}":
            if char == ",":
                self._at += 1
                continue
            if char != '"':
                raise _BrokenError(_ends(char))
            line = self._line_now()
            key = self._value()
            if not isinstance(key, str) or self._peek() != ":":
                raise _BrokenError("it is not JSON; what stands behind it is not read")
            self._at += 1
            yield from self._member((*keys, key), line)
        self._at += 1

    def _member(self, keys: tuple[str, ...], line: int) -> Iterator[Item]:
        char = self._peek()
        if char == "{" and len(keys) < _MOST_KEYS:
            yield from self._object(keys)
        elif char == "[" and len(keys) < _MOST_KEYS:
            yield from self._elements(keys, whole=keys[-1] == WHOLE)
        else:
            value = self._value()
            if value is not _DAMAGED:
                yield Item(keys, value, line)

    def _elements(self, keys: tuple[str, ...], *, whole: bool) -> Iterator[Item]:
        self._at += 1
        while (char := self._peek()) != "]":
            if char == ",":
                self._at += 1
                continue
            if char in ("", "}", ":"):
                raise _BrokenError(_ends(char))
            line = self._line_now()
            if char == "{" and not whole and len(keys) < _MOST_KEYS:
                yield from self._object(keys)
                continue
            value = self._value()
            if value is not _DAMAGED:
                yield Item(keys, value, line)
        self._at += 1

    def _peek(self) -> str:
        """Go to the next character that is not blank and return it; nothing at the end."""
        while True:
            blank = _BLANK.match(self._text, self._at)
            assert blank
            self._at = blank.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._grow():
                return ""

    def _value(self) -> object:
        """Return the value that begins here and go behind it; `_DAMAGED` for no JSON."""
        if self._at == len(self._text):
            raise _BrokenError(_ends(""))
        is_open = self._text[self._at] in '{["'
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except (ValueError, RecursionError):
                break
            if is_open or end < len(self._text) or not self._grow():
                self._at = end
                return value
        return self._value_to_its_end()

    def _value_to_its_end(self) -> object:
        """Return a value that goes on behind the window, or is damaged, by its brackets."""
        end = self._end()
        text = self._text[self._at : end]
        try:
            value = _DECODER.decode(text)
        except RecursionError:
            self.skip("it is nested too deep")
            value = _DAMAGED
        except ValueError:
            value = _repaired(text)
            if value is _DAMAGED:
                self.skip("it is not JSON")
        self._at = end
        return value

    def _end(self) -> int:
        """Return where the value that begins here ends. Raises _BrokenError."""
        depth, at = 0, self._at
        while True:
            token = _TOKEN.search(self._text, at)
            if token is None or token[0] == '"':
                seen = (token.start() if token else len(self._text)) - self._at
                if not self._grow():
                    raise _BrokenError(_ends(""))
                at = self._at + seen
                continue
            if depth == 0 and token[0] in ",}]":
                return token.start()
            depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token[0], 0)
            at = token.end()
            if depth == 0:
                return at

    def _grow(self) -> bool:
        """Drop what is done and read on, twice as far each time a value goes on."""
        self._line_now()
        more = self._file.read(max(CHUNK_CHARS, len(self._text) - self._at))
        self._text = self._text[self._at :] + more
        self._at = self._counted = 0
        if len(self._text) > 2 * MAX_ROW_CHARS:
            raise _BrokenError("it is longer than 32 million characters; a quote is not closed")
        return bool(more)

    def _line_now(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line


def _ends(char: str) -> str:
    if char:
        return "it is not JSON; what stands behind it is not read"
    return "the file ends in the middle: it was cut off"


def _repaired(text: str) -> object:
    try:
        return _DECODER.decode(_TELEGRAM_ESCAPE.sub(r"\1\\u00\2", text))
    except (ValueError, RecursionError):
        return _DAMAGED
