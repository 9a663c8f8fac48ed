"""Rows from JSON: a value a line, or the elements of an array, one at a time.

Nothing here holds more than one row. A row that is no JSON is counted with its line and
the next one is read; a value may be nested as deep as memory allows.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from lumina_cli.data.readers.json.deep import parse_deep
from lumina_cli.data.readers.json.elements import elements
from lumina_cli.data.report import Location, ReadReport
from lumina_cli.data.rows import MAX_BRACKETS, MAX_ROW_CHARS, Row

CHUNK_CHARS = 1 << 16
BOM = "\ufeff"

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
    for number, line in _lines(file):
        location = Location(path, number)
        if line is None:
            _skip(report, location, "the line is longer than 32 million characters")
            continue
        text = line.strip(" \t\n" + BOM)
        if not text:
            continue
        try:
            value = parse_row(text)
        except BadJSON as error:
            cut = not line.endswith("\n") and text[0] in "{["
            _skip(report, location, "the last line was cut off" if cut else str(error))
            continue
        yield Row(location, value)


def rows_of_json(file: IO[str], *, path: Path, report: ReadReport) -> Iterator[Row]:
    """Yield the elements of an array, or each of the values that follow one another.

    Raises:
        DataError: an element never ends.
    """
    for element in elements(file, path=path):
        location = Location(path, element.line)
        if element.behind:
            wording = "behind the list of rows stands more in the same object; it is not read"
            report.notices.add(wording, location)
            continue
        try:
            value = parse(element.text)
        except BadJSON as error:
            _skip(report, location, "the last element was cut off" if element.cut else str(error))
            continue
        yield Row(location, value)


def _skip(report: ReadReport, location: Location, wording: str) -> None:
    report.saw_row(location.path, "unreadable")
    report.skipped.add(wording, location)


def _why(error: json.JSONDecodeError) -> str:
    if error.msg == "Extra data":
        return "there is more than one value on the line"
    return "it is not JSON"


def _lines(file: IO[str]) -> Iterator[tuple[int, str | None]]:
    """Yield lines with their numbers; None for one that is too long to be held."""
    number = 0
    while line := file.readline(MAX_ROW_CHARS):
        number += 1
        if len(line) < MAX_ROW_CHARS or line.endswith("\n"):
            yield number, line
            continue
        while line and not line.endswith("\n"):
            line = file.readline(CHUNK_CHARS)
        yield number, None
