"""Rows from parquet tables, a small batch at a time."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from lumina_cli.data.report import Location, ReadReport
from lumina_cli.data.rows import Row
from lumina_cli.data.schemas.unused_columns import is_metadata
from lumina_cli.errors import DataError

MAGIC = b"PAR1"
BATCH_ROWS = 256


def is_parquet(file: BinaryIO) -> bool:
    """Say whether a file begins and ends as a parquet table does."""
    begins = file.read(len(MAGIC)) == MAGIC
    file.seek(-len(MAGIC) if begins else 0, os.SEEK_END)
    return begins and file.read(len(MAGIC)) == MAGIC


def _is_read(field: Any, columns: frozenset[str] | None) -> bool:
    if columns is None or field.name in columns:
        return True
    return str(field.type) in ("string", "large_string") and not is_metadata(field.name)


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
        DataError: the file is no whole parquet table.
    """
    from pyarrow import ArrowException  # noqa: PLC0415  slow to load, and few need it
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415

    try:
        table = ParquetFile(file)
        names = [field.name for field in table.schema_arrow if _is_read(field, columns)]
        number = 0
        for batch in table.iter_batches(BATCH_ROWS, columns=names):
            for index in range(batch.num_rows):
                number += 1
                location = Location(path, number)
                try:
                    [value] = batch.slice(index, 1).to_pylist()
                except UnicodeDecodeError:
                    report.saw_row(path, "unreadable")
                    report.skipped.add("its text is not UTF-8", location)
                    continue
                except (ValueError, OverflowError):
                    report.saw_row(path, "unreadable")
                    report.skipped.add("it holds a date beyond the calendar", location)
                    continue
                yield Row(location, value)
    except (ArrowException, UnicodeDecodeError, OSError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise DataError(
            f"{path} is no whole parquet table: {reason}", hint="Copy or download it once more."
        ) from error
