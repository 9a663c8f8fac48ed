"""One file: how it is divided, and its rows where it is a table or JSON."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from lumina_cli.data.config import DataConfig
from lumina_cli.data.readers.csv_rows import rows_of_table
from lumina_cli.data.readers.encodings import likely_encoding
from lumina_cli.data.readers.json_rows import Row, rows_of_document, rows_of_lines
from lumina_cli.data.readers.parquet_rows import is_parquet, rows_of_parquet
from lumina_cli.data.readers.sniff import SAMPLE_CHARS, Container, data_suffix, sniff
from lumina_cli.data.readers.sources import open_regular
from lumina_cli.data.readers.text_files import open_text
from lumina_cli.data.report import ReadReport
from lumina_cli.errors import DataError

Columns = frozenset[str] | None


def container_of_file(path: Path, *, config: DataConfig) -> Container | Literal["parquet"]:
    """Look at how a file begins.

    Raises:
        DataError: it is not text in the encoding of `config`.
    """
    if config.format == "text" or config.format == "tagged":
        return config.format
    with open_regular(path) as file:
        if is_parquet(file) or data_suffix(path) == ".parquet":
            return "parquet"
    with open_text(path, encoding=config.encoding) as text:
        sample = text.read(SAMPLE_CHARS)
    _refuse_wide_text(sample, path=path)
    found = sniff(sample, path=path)
    return "json lines" if config.format != "auto" and found in ("tagged", "text") else found


def rows_of_file(
    path: Path, *, config: DataConfig, report: ReadReport, columns: Columns = None
) -> Iterator[Row]:
    """Yield the rows of a table or of JSON.

    Args:
        path: of the file.
        config: its encoding.
        report: rows that are no JSON are counted here.
        columns: of a parquet table, None for all.

    Raises:
        DataError: it holds text without rows, or is damaged.
    """
    container = container_of_file(path, config=config)
    if container == "parquet":
        with open_regular(path) as file:
            yield from rows_of_parquet(file, path=path, report=report, columns=columns)
        return
    if container in ("tagged", "text"):
        raise DataError(
            f"{path} is plain or tagged text, not rows",
            hint=f"Text needs no fetching: lumina train --data {path}",
        )
    with open_text(path, encoding=config.encoding) as text:
        yield from _READERS[container](text, path=path, report=report)


_READERS: dict[str, Callable[..., Iterator[Row]]] = {
    "json lines": rows_of_lines,
    "json": rows_of_document,
    "table": rows_of_table,
}


def _refuse_wide_text(sample: str, *, path: Path) -> None:
    """Refuse UTF-16 without a BOM, which is valid UTF-8 with a NUL for each other character."""
    if 10 * sample.count("\0") <= len(sample):
        return
    guess = likely_encoding(sample.encode())
    hint = f"It looks like {guess}: try --encoding {guess}." if guess else ""
    raise DataError(f"{path} is not text: every few characters are NUL", hint=hint)
