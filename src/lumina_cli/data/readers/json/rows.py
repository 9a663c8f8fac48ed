"""Rows from JSON: a value a line, or the elements of an array, one at a time.

Nothing here holds more than one row. A row that is no JSON is counted with its line and
the next one is read; a value may be nested as deep as memory allows.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from lumina_cli.data.checkpoints import START, Checkpoint, TextPlace
from lumina_cli.data.readers.json.deep import parse_deep
from lumina_cli.data.readers.json.elements import elements
from lumina_cli.data.readers.json.lines import CHUNK_CHARS, line_blocks
from lumina_cli.data.report import Location, ReadReport
from lumina_cli.data.rows import MAX_BRACKETS, Row, RowBlock

BOM = "\ufeff"
_AROUND = " \t\n" + BOM

_DECODER = json.JSONDecoder(strict=False)
_scan: Callable[[str, int], tuple[object, int]] = _DECODER.scan_once  # type: ignore[attr-defined]


class BadJSON(ValueError):
    """A text that is not one JSON value; the message is the same for all with this fault."""


def parse(text: str) -> object:
    """Return the value of one JSON text.

    Control characters inside strings and NaN are taken, as most writers let them through;
    of a key that stands twice the last one counts.

    Raises:
        BadJSON: it is not one value, holds a number of thousands of digits, or more than
            `MAX_BRACKETS` lists and objects.
    """
    if len(text) > MAX_BRACKETS and text.count("[") + text.count("{") > MAX_BRACKETS:
        raise BadJSON("it holds more than two million brackets")
    try:
        value, end = _scan(text, 0)
        if end == len(text):
            return value
    except (StopIteration, ValueError, RecursionError):
        pass  # the slower call below says why
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise BadJSON(_why(error)) from error
    except ValueError as error:
        raise BadJSON("a number has thousands of digits") from error
    except RecursionError:
        pass
    try:
        return parse_deep(text)
    except ValueError as error:
        raise BadJSON("it is not JSON") from error


def parse_row(text: str) -> object:
    """Return the value of one line; a comma behind it, as cut from an array, is no harm.

    Raises:
        BadJSON: it is not one value.
    """
    try:
        return parse(text)
    except BadJSON:
        if not text.endswith(","):
            raise
    return parse(text[:-1])


def rows_of_json_lines(file: IO[str], *, path: Path, report: ReadReport) -> Iterator[Row]:
    """Yield the value of each line that is not blank."""
    for block in blocks_of_json_lines(file, path=path, report=report):
        if isinstance(block, RowBlock):
            yield from block.rows()


def blocks_of_json_lines(
    file: IO[str], *, path: Path, report: ReadReport, begin: TextPlace = START
) -> Iterator[RowBlock | Checkpoint]:
    """Yield the values of the lines that are not blank, many at a time."""
    for block in line_blocks(file, begin=begin):
        if isinstance(block, Checkpoint):
            yield block
            continue
        if block.is_too_long:
            location = Location(path, block.first)
            _skip(report, location, "the line is longer than 32 million characters")
            continue
        texts = [line.strip(_AROUND) for line in block.lines]
        values = _parse_all(texts)
        if values is not None:
            yield RowBlock(path, range(block.first, block.first + len(texts)), values)
            continue
        for number, text in enumerate(texts, block.first):
            yield from _row_of_line(
                text, Location(path, number), report=report, has_end=block.has_ends
            )


def rows_of_json(file: IO[str], *, path: Path, report: ReadReport) -> Iterator[Row]:
    """Yield rows as `blocks_of_json` does, one by one."""
    for block in blocks_of_json(file, path=path, report=report):
        yield from block.rows()


def blocks_of_json(file: IO[str], *, path: Path, report: ReadReport) -> Iterator[RowBlock]:
    """Yield the elements of an array, or the values that follow one another, many at a time.

    Raises:
        DataError: an element never ends.
    """
    waiting = _Waiting(path)
    for element in elements(file, path=path):
        location = Location(path, element.line)
        if element.behind:
            yield from waiting.block()
            wording = "behind the list of rows stands more in the same object; it is not read"
            report.notices.add(wording, location)
            continue
        try:
            value = parse(element.text)
        except BadJSON as error:
            yield from waiting.block()  # what is met first is told first
            _skip(report, location, "the last element was cut off" if element.cut else str(error))
            continue
        waiting.add(value, line=element.line, num_chars=len(element.text))
        if waiting.num_chars >= CHUNK_CHARS:
            yield from waiting.block()
    yield from waiting.block()


class _Waiting:
    """Rows of a file that are still to be given as a block."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: list[int] = []
        self._values: list[object] = []
        self.num_chars = 0

    def add(self, value: object, *, line: int, num_chars: int) -> None:
        self._lines.append(line)
        self._values.append(value)
        self.num_chars += num_chars

    def block(self) -> Iterator[RowBlock]:
        """Yield what waits, if anything does."""
        block = RowBlock(self._path, self._lines, self._values)
        self._lines, self._values, self.num_chars = [], [], 0
        if block.values:
            yield block


def _parse_all(texts: list[str]) -> list[object] | None:
    """Return the values of texts by the quick parser; None where it does not take them all."""
    lengths = list(map(len, texts))
    if max(lengths, default=0) > MAX_BRACKETS:
        return None
    try:
        found = [_scan(text, 0) for text in texts]
    except (StopIteration, ValueError, RecursionError):
        return None
    if [end for _, end in found] != lengths:
        return None
    return [value for value, _ in found]


def _row_of_line(
    text: str, location: Location, *, report: ReadReport, has_end: bool
) -> Iterator[RowBlock]:
    """Yield the value of a line alone, unless it is blank or no JSON."""
    if not text:
        return
    try:
        value = parse_row(text)
    except BadJSON as error:
        cut = not has_end and text[0] in "{["
        _skip(report, location, "the last line was cut off" if cut else str(error))
        return
    yield RowBlock(location.path, [location.line], [value])


def _skip(report: ReadReport, location: Location, wording: str) -> None:
    report.saw_row(location.path, "unreadable")
    report.skipped.add(wording, location)


def _why(error: json.JSONDecodeError) -> str:
    if error.msg == "Extra data":
        return "there is more than one value on the line"
    return "it is not JSON"
