"""The lines of a table as text, and their fields.

Commas and semicolons divide fields as spreadsheets write them: a field that begins with a quote
goes on to the next single one, over lines and delimiters (RFC 4180). Tabs and bars are mostly
written without quotes, so that one at the beginning of a field may be the writer's own ("Tis the
season). There a field is taken out of its quotes only where they close in its line, or in lines
behind it of which none is a row by itself.
"""

import csv
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO

from lumina_cli.data.report import Location
from lumina_cli.data.rows import MAX_ROW_CHARS
from lumina_cli.errors import DataError

OFTEN_UNQUOTED = ("\t", "|")
MAX_LINES_AHEAD = 200
"""Of a field that goes over several lines, where its end is looked for."""


class Lines:
    """The lines of a table, counted; one that is too long is refused."""

    def __init__(self, file: IO[str], *, path: Path) -> None:
        self._file = file
        self._path = path
        self._waiting: deque[str] = deque()
        self.number = 0

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        line = self._waiting.popleft() if self._waiting else self._read()
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) >= MAX_ROW_CHARS:
            raise broken(Location(self._path, self.number), "the line is too long")
        return line

    def ahead(self) -> Iterator[str]:
        """Yield the lines to come, and leave them there."""
        yield from list(self._waiting)
        while line := self._read():
            self._waiting.append(line)
            yield line

    @property
    def location(self) -> Location:
        """Where the next line is."""
        return Location(self._path, self.number + 1)

    def _read(self) -> str:
        return self._file.readline(MAX_ROW_CHARS)


def rows_of_fields(
    lines: Lines, *, delimiter: str, num_columns: int, on_lone_quote: Callable[[Location], None]
) -> Iterator[tuple[Location, list[str]]]:
    """Yield the fields of each row, with the line it begins on.

    Args:
        lines: behind the header.
        delimiter: of fields.
        num_columns: that the header names.
        on_lone_quote: is told of a quote that begins a field and is read as text.

    Raises:
        DataError: a quote is never closed.
    """
    quoted = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        location = lines.location
        try:
            if delimiter not in OFTEN_UNQUOTED:
                yield location, next(quoted)
                continue
            line = next(lines)
        except StopIteration:
            return
        except csv.Error as error:
            raise broken(location, error) from error
        fields = fields_of(line, delimiter=delimiter) or _fields_over_lines(
            line, lines, delimiter=delimiter, num_columns=num_columns
        )
        if fields is None:
            on_lone_quote(location)
            fields = _split(line, delimiter)
        yield location, fields


def fields_of(*lines: str, delimiter: str) -> list[str] | None:
    """Return the fields of a row that is whole, out of their quotes; None where one is left."""
    if len(lines) == 1 and '"' not in lines[0]:
        return _split(lines[0], delimiter)
    try:
        return next(csv.reader(lines, delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None


def _fields_over_lines(
    line: str, lines: Lines, *, delimiter: str, num_columns: int
) -> list[str] | None:
    """Return the fields of a row that goes on behind its line, and go there; None where none is."""
    row, num_chars = [line], len(line)
    for next_line in islice(lines.ahead(), MAX_LINES_AHEAD):
        row.append(next_line)
        num_chars += len(next_line)
        alone = fields_of(next_line, delimiter=delimiter)
        if num_chars > MAX_ROW_CHARS or (alone is not None and len(alone) == num_columns):
            return None
        if '"' not in next_line:
            continue
        fields = fields_of(*row, delimiter=delimiter)
        if fields is not None and len(fields) == num_columns:
            for _ in row[1:]:
                next(lines)
            return fields
    return None


def _split(line: str, delimiter: str) -> list[str]:
    return line.removesuffix("\n").split(delimiter)


def broken(location: Location, why: object) -> DataError:
    """Return the error for a row that does not end."""
    return DataError(
        f"{location} begins a row of the table that does not end as it should: a quote is not "
        f"closed, or stands where none may ({why})",
        hint='A quote inside a field is written twice: "She said ""no"".", or use JSON lines.',
    )
