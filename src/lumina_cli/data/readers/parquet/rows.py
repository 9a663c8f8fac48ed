"""Rows from parquet tables, a small batch at a time.

No batch takes much more memory than `BATCH_BYTES`, whatever the table says of itself.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from lumina_cli.data.readers.parquet.pages import (
    ExpandsTooFarError,
    check_pages,
    max_unpacked_bytes,
)
from lumina_cli.data.report import Location, ReadReport
from lumina_cli.data.rows import MAX_ROW_CHARS, Row
from lumina_cli.data.schemas.unused_columns import is_metadata
from lumina_cli.errors import DataError

MAGIC = b"PAR1"
BATCH_ROWS = 256
BATCH_BYTES = 1 << 25
MAX_COLUMNS = 10_000


def is_parquet(file: BinaryIO) -> bool:
    """Say whether a file begins and ends as a parquet table does."""
    begins = file.read(len(MAGIC)) == MAGIC
    file.seek(-len(MAGIC) if begins else 0, os.SEEK_END)
    return begins and file.read(len(MAGIC)) == MAGIC


def rows_of_parquet(
    file: BinaryIO, *, path: Path, report: ReadReport, columns: frozenset[str] | None = None
) -> Iterator[Row]:
    """Yield the rows of a table as objects; `line` is the number of the row.

    Args:
        file: the table.
        path: its name.
        report: rows whose text is not UTF-8 are counted here.
        columns: the columns to read, None for all; other columns of text are read, too, so
            that they can be reported as unused.

    Raises:
        DataError: the file is no whole parquet table, or unpacks to far more than text does.
    """
    from pyarrow import ArrowException  # noqa: PLC0415  slow to load, and few need it

    try:
        yield from _rows(file, path=path, report=report, columns=columns)
    except ExpandsTooFarError as error:
        raise DataError(
            f"{path} unpacks to far more than text does: {error}",
            hint="If it is sound, write it as JSON lines and give that file.",
        ) from error
    except (ArrowException, ValueError, OSError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise DataError(
            f"{path} is no whole parquet table: {reason}", hint="Copy or download it once more."
        ) from error


def _rows(
    file: BinaryIO, *, path: Path, report: ReadReport, columns: frozenset[str] | None
) -> Iterator[Row]:
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415  slow to load, and few need it

    table = ParquetFile(file)
    names = [field.name for field in table.schema_arrow if _is_read(field, columns)]
    if len(names) > MAX_COLUMNS:
        raise ExpandsTooFarError(f"it has {len(names):,} columns of text")
    totals = check_pages(file, leaves=_leaves(table.schema, set(names)))
    fitting = BATCH_BYTES // max(totals.longest_repeat_bytes, 1)
    left = max_unpacked_bytes(file.seek(0, os.SEEK_END))
    shares_texts = "dictionary<" in str(table.schema_arrow)  # counted once for all rows
    number = 0
    for batch in table.iter_batches(max(min(BATCH_ROWS, fitting), 1), columns=names):
        left -= batch.nbytes
        for index in range(batch.num_rows):
            number += 1
            location = Location(path, number)
            try:
                value = _value_of(batch.slice(index, 1))
            except _BadRow as error:
                report.saw_row(path, "unreadable")
                report.skipped.add(str(error), location)
                continue
            left -= _num_shared_chars(value) if shares_texts else 0
            if left < 0:
                raise ExpandsTooFarError("its values repeat long texts")
            yield Row(location, value)


class _BadRow(Exception):
    """A row that has no value as an object; the message is the same for all with this fault."""


def _value_of(row: Any) -> object:
    if row.nbytes > 4 * MAX_ROW_CHARS:  # in UTF-8 a character takes four bytes at most
        raise _BadRow("the row is longer than 32 million characters")
    try:
        [value] = row.to_pylist()
    except UnicodeDecodeError as error:
        raise _BadRow("its text is not UTF-8") from error
    except (ValueError, OverflowError) as error:
        raise _BadRow("it holds a date beyond the calendar") from error
    found: object = value
    return found


def _leaves(schema: Any, names: set[str]) -> set[int]:
    """Return the numbers of all columns under the names given, which may have dots in them."""
    paths = [schema.column(leaf).path for leaf in range(len(schema))]
    return {
        leaf
        for leaf, path in enumerate(paths)
        if path in names or any(path[:at] in names for at in _dots(path))
    }


def _dots(path: str) -> Iterator[int]:
    return (at for at, char in enumerate(path) if char == ".")


def _num_shared_chars(value: object) -> int:
    """Return how long all texts of a value are together."""
    total, waiting = 0, [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            total += len(each)
        elif isinstance(each, dict):
            waiting.extend(each.values())
        elif isinstance(each, list | tuple):
            waiting.extend(each)
    return total


def _is_read(field: Any, columns: frozenset[str] | None) -> bool:
    if columns is None or field.name in columns or field.name.lower() in columns:
        return True
    return str(field.type) in ("string", "large_string") and not is_metadata(field.name)
