"""Rows of .csv and .tsv files, whose first line names the columns.

A row becomes an object by the names of its columns, in lower case; an empty field is null, and
so is one that a short row lacks, where its column is known. Blank lines may stand before the
first one, and the line by which Excel names the delimiter (`sep=;`).
"""

import csv
import re
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import IO

from lumina_cli.data.readers.delimited import Lines, broken, rows_of_fields
from lumina_cli.data.readers.files import data_suffix
from lumina_cli.data.report import ReadReport
from lumina_cli.data.rows import MAX_ROW_CHARS, Row
from lumina_cli.data.schemas.detect import COLUMNS, is_known_table
from lumina_cli.errors import DataError

DELIMITERS = (",", ";", "\t", "|")
_SEP_LINE = re.compile(r'"?sep=([^\w\s"]|\t)"?[\s,;]*', re.IGNORECASE)


class UnknownColumnsError(DataError):
    """A table none of whose columns is known."""


def rows_of_csv(
    file: IO[str], *, path: Path, report: ReadReport, named: frozenset[str] = frozenset()
) -> Iterator[Row]:
    """Yield the rows of a table, each with the line it begins on.

    Args:
        file: the table.
        path: its name.
        report: what can't be read is counted here.
        named: columns that the user has named, in lower case.

    Raises:
        UnknownColumnsError: no column is known.
        DataError: a quote is never closed.
    """
    columns = COLUMNS | named
    csv.field_size_limit(MAX_ROW_CHARS)
    lines = Lines(file, path=path)
    found = _header(lines, columns=columns, tabs_first=data_suffix(path) == ".tsv")
    if found is None:
        return
    delimiter, names = found
    if not is_known_table(names) and named.isdisjoint(names):
        raise UnknownColumnsError(
            f"{path} has no column that is known: {', '.join(names)[:200]}",
            hint="Say what they are (--columns question=NAME,answer=NAME), or use --format text.",
        )
    known = {name: column for column, name in enumerate(names) if name in columns}
    notice = "a quote begins a field and none ends it; it is read as text like any other"
    for location, fields in rows_of_fields(
        lines,
        delimiter=delimiter,
        num_columns=len(names),
        on_lone_quote=partial(report.notices.add, notice),
    ):
        if any(fields[len(names) :]):
            report.saw_row(path, "unreadable")
            report.skipped.add("it has more fields than the first line names", location)
        elif any(fields):
            record = {name: field or None for name, field in zip(names, fields, strict=False)}
            missing = (name for name, column in known.items() if column >= len(fields))
            yield Row(location, record | dict.fromkeys(missing))


def _header(
    lines: Lines, *, columns: frozenset[str], tabs_first: bool
) -> tuple[str, list[str]] | None:
    """Return the delimiter and the names of the columns, in lower case; None in a blank file."""
    delimiters: tuple[str, ...] = ("\t", *DELIMITERS) if tabs_first else DELIMITERS
    for line in lines:
        if sep := _SEP_LINE.fullmatch(line.lstrip("\ufeff")):
            delimiters = (str(sep[1]),)
        else:
            try:
                if any(_is_blank(line, delimiter) for delimiter in delimiters):
                    continue
                return _columns(line, delimiters=delimiters, columns=columns)
            except csv.Error as error:
                raise broken(lines.location._replace(line=lines.number), error) from error
    return None


def _is_blank(line: str, delimiter: str) -> bool:
    return not any(_names(line, delimiter))


def _columns(
    header: str, *, delimiters: Collection[str], columns: frozenset[str]
) -> tuple[str, list[str]]:
    """Return the delimiter that gives the most known columns, and the names of the columns."""
    found = [(delimiter, _names(header, delimiter)) for delimiter in delimiters]
    return max(found, key=lambda each: (len(columns.intersection(each[1])), len(each[1])))


def _names(header: str, delimiter: str) -> list[str]:
    fields = next(csv.reader([header], delimiter=delimiter), [])
    return [field.strip("\ufeff \t\n").lower() for field in fields]
