"""Exports that are tables as text (CSV): rows by the names of their columns."""

import csv
from collections.abc import Collection, Iterator
from typing import IO

from lumina_cli.data.chats.message import ExportFile
from lumina_cli.data.report import Location, ReadReport
from lumina_cli.data.rows import MAX_ROW_CHARS


def names_of(heading: str) -> list[str]:
    """Return the names of columns in the first line of a table, in lower case."""
    try:
        return [name.strip("\ufeff \r").lower() for name in next(csv.reader([heading]), [])]
    except csv.Error:
        return []


def rows_of(
    text: IO[str], file: ExportFile, report: ReadReport, *, columns: Collection[str]
) -> Iterator[tuple[dict[str, str], Location]]:
    """Yield the rows that have all of `columns`, each with the line it begins on."""
    csv.field_size_limit(MAX_ROW_CHARS)
    names = names_of(text.readline(MAX_ROW_CHARS))
    reader = csv.reader(text)
    while True:
        location = Location(file.path, reader.line_num + 2)
        try:
            fields = next(reader, None)
        except csv.Error:
            report.saw_row(file.path, "unreadable")
            report.skipped.add("a quote of the table is not closed", location)
            return
        if fields is None:
            return
        row = dict(zip(names, fields, strict=False))
        if all(name in row for name in columns):
            yield row, location
        elif fields:
            report.saw_row(file.path, "unreadable")
            report.skipped.add("a row of the table is cut short", location)
