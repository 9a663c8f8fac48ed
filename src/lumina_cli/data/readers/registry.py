"""Which reader takes which kind of file.

A row reader yields rows, and a schema (`schemas/`) makes a conversation or a text of each. A
document reader yields conversations or texts itself. `sniff.py` names the container of a file;
a new one is registered here.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from lumina_cli.data.checkpoints import START, Checkpoint, TextPlace
from lumina_cli.data.config import DataConfig
from lumina_cli.data.readers.csv_rows import rows_of_csv
from lumina_cli.data.readers.documents.docx import documents_of_docx
from lumina_cli.data.readers.documents.epub import documents_of_epub
from lumina_cli.data.readers.documents.html import documents_of_html
from lumina_cli.data.readers.documents.mail.mbox import documents_of_mail
from lumina_cli.data.readers.documents.subtitles.reader import documents_of_subtitles
from lumina_cli.data.readers.documents.xml_text import documents_of_xml
from lumina_cli.data.readers.documents.yaml_dialogues import documents_of_yaml
from lumina_cli.data.readers.files import open_regular
from lumina_cli.data.readers.json.rows import (
    blocks_of_json,
    blocks_of_json_lines,
    rows_of_json,
    rows_of_json_lines,
)
from lumina_cli.data.readers.parquet.rows import rows_of_parquet
from lumina_cli.data.readers.plain_text import documents_of_plain_text
from lumina_cli.data.readers.sniff import Container
from lumina_cli.data.readers.tagged import documents_of_tagged_text
from lumina_cli.data.readers.text_files import open_text
from lumina_cli.data.report import LocatedDocument, ReadReport
from lumina_cli.data.rows import Row, RowBlock

ROW_READERS: dict[Container, Callable[..., Iterator[Row]]] = {
    "json lines": rows_of_json_lines,
    "json": rows_of_json,
    "csv": rows_of_csv,
}
"""Readers of open text files; parquet, which is binary, has its own way in."""

DOCUMENT_READERS: dict[Container, Callable[..., Iterator[LocatedDocument | Checkpoint]]] = {
    "subtitles": documents_of_subtitles,
    "mail": documents_of_mail,
    "html": documents_of_html,
    "xml": documents_of_xml,
    "epub": documents_of_epub,
    "docx": documents_of_docx,
    "yaml": documents_of_yaml,
    "tagged": documents_of_tagged_text,
    "text": documents_of_plain_text,
}
"""Readers of paths: they may look at a file twice."""


BLOCK_READERS: dict[Container, Callable[..., Iterator[RowBlock | Checkpoint]]] = {
    "json lines": blocks_of_json_lines,
    "json": blocks_of_json,
}
"""Readers of open text files that give many rows at a time."""


def rows_of_file(
    path: Path,
    *,
    container: Container,
    config: DataConfig,
    report: ReadReport,
    columns: frozenset[str] | None = None,
) -> Iterator[Row]:
    """Yield the rows of a file.

    Args:
        path: of the file.
        container: as `sniff_file` found it; one that has rows.
        config: its encoding.
        report: rows that can't be parsed are counted here.
        columns: of a parquet table, None for all.

    Raises:
        DataError: the file is damaged, or an element never ends.
    """
    if container == "parquet":
        with open_regular(path) as file:
            yield from rows_of_parquet(file, path=path, report=report, columns=columns)
    else:
        with open_text(path, encoding=config.encoding) as text:
            more = {"named": config.named_columns} if container == "csv" else {}
            yield from ROW_READERS[container](text, path=path, report=report, **more)


def blocks_of_file(
    path: Path,
    *,
    container: Container,
    config: DataConfig,
    report: ReadReport,
    columns: frozenset[str] | None = None,
    begin: TextPlace = START,
) -> Iterator[RowBlock | Checkpoint]:
    """Yield the rows of a file as `rows_of_file` does, many at a time where its reader can."""
    if reader := BLOCK_READERS.get(container):
        more: dict[str, object] = {} if begin == START else {"begin": begin}
        with open_text(path, encoding=config.encoding, begin=begin) as text:
            yield from reader(text, path=path, report=report, **more)
        return
    rows = rows_of_file(path, container=container, config=config, report=report, columns=columns)
    for row in rows:
        yield RowBlock(path, [row.location.line], [row.value])
