"""Rows of .csv and .tsv files, whose first line names the columns.

A row becomes an object by the names of its columns, in lower case; an empty field is null, and
so is one that a short row lacks, where its column is known.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from lumina_cli.data.report import Location, ReadReport
from lumina_cli.data.rows import MAX_ROW_CHARS, Row
from lumina_cli.data.schemas.detect import COLUMNS
from lumina_cli.errors import DataError

DELIMITERS = (",", ";", "\t", "|")


class UnknownColumnsError(DataError):
    """A table none of whose columns is known."""


def rows_of_csv(file: IO[str], *, path: Path, report: ReadReport) -> Iterator[Row]:
    """Yield the rows of a table, each with the line it begins on.

    Raises:
        UnknownColumnsError: no column is known.
        DataError: a quote is never closed.
    """
    header = file.readline(MAX_ROW_CHARS)
    if not header.strip("\ufeff \n"):
        return
    csv.field_size_limit(MAX_ROW_CHARS)
    try:
        delimiter, names = _columns(header)
    except csv.Error as error:
        raise _broken(Location(path, 1), error) from error
    if COLUMNS.isdisjoint(names):
        raise UnknownColumnsError(
            f"{path} has no column that is known: {', '.join(names)[:200]}",
            hint="Name the columns in its first line (user,bot), or read it with --format text.",
        )
    known = {name: column for column, name in enumerate(names) if name in COLUMNS}
    lines = _Lines(file, path=path)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        location = Location(path, lines.number + 1)
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise _broken(location, error) from error
        if fields is None:
            return
        if any(fields[len(names) :]):
            report.saw_row(path, "unreadable")
            report.skipped.add("it has more fields than the first line names", location)
        elif any(fields):
            record = {name: field or None for name, field in zip(names, fields, strict=False)}
            missing = (name for name, column in known.items() if column >= len(fields))
            yield Row(location, record | dict.fromkeys(missing))


class _Lines:
    """The lines of a file from the second on, counted; one that is too long is refused."""

    def __init__(self, file: IO[str], *, path: Path) -> None:
        self._file = file
        self._path = path
        self.number = 1

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._file.readline(MAX_ROW_CHARS)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) >= MAX_ROW_CHARS:
            raise _broken(Location(self._path, self.number), "the line is too long")
        return line


def _columns(header: str) -> tuple[str, list[str]]:
    """Return the delimiter that gives the most known columns, and the names of the columns."""
    found = [(delimiter, _names(header, delimiter)) for delimiter in DELIMITERS]
    return max(found, key=lambda each: (len(COLUMNS.intersection(each[1])), len(each[1])))


def _names(header: str, delimiter: str) -> list[str]:
    fields = next(csv.reader([header], delimiter=delimiter), [])
    return [field.strip("\ufeff \t\n").lower() for field in fields]


def _broken(location: Location, why: object) -> DataError:
    return DataError(
        f"{location} begins a row of the table that does not end as it should: a quote is not "
        f"closed, or stands where none may ({why})",
        hint='A quote inside a field is written twice: "She said ""no"".", or use JSON lines.',
    )
