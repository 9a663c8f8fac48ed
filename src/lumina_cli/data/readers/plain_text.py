"""Plain text: each file is one document, read in chunks that fit into memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from lumina_cli.conversation import PlainText
from lumina_cli.data.config import DataConfig
from lumina_cli.data.readers.files import PLAIN_SUFFIXES, data_suffix
from lumina_cli.data.readers.text_files import open_text
from lumina_cli.data.report import LocatedDocument, Location, ReadReport

CHUNK_CHARS = 1 << 18
"""Small enough for the arrays made of it to stay in the processor's cache."""


class TextChunk(NamedTuple):
    """A part of a plain text and the line it begins on."""

    text: PlainText
    line: int


def documents_of_plain_text(
    path: Path, *, config: DataConfig, report: ReadReport
) -> Iterator[LocatedDocument]:
    """Yield the chunks of a text file, each with the line it begins on.

    Raises:
        DataError: it is not text in the encoding of `config`.
    """
    with open_text(path, encoding=config.encoding) as text:
        for chunk in text_chunks(text):
            if chunk.text.starts:
                report.saw_row(path, "text")
                if config.format == "auto":
                    _report_markup(path, report=report)
            yield Location(path, chunk.line), chunk.text


def _report_markup(path: Path, *, report: ReadReport) -> None:
    """Report a file whose ending is none of plain text, such as .xml."""
    suffix = data_suffix(path)
    if suffix and suffix not in PLAIN_SUFFIXES:
        wording = "by its ending it is no plain text; it is read as such, with all its marks"
        report.notices.add(wording, Location(path), example=suffix)


def text_chunks(file: IO[str]) -> Iterator[TextChunk]:
    """Yield a text in chunks that end with a line where they can; nothing for blank text.

    Chunks of white space alone at the very beginning are dropped.
    """
    text, line, starts = _first_with_text(file)
    while text:
        more = file.read(CHUNK_CHARS)
        end = len(text) if not more else text.rfind("\n") + 1 or len(text)
        yield TextChunk(PlainText(text[:end], starts=starts, ends=not more), line)
        line += text.count("\n", 0, end)
        text, starts = text[end:] + more, False


def _first_with_text(file: IO[str]) -> tuple[str, int, bool]:
    line = 1
    while text := file.read(CHUNK_CHARS):
        if not text.isspace():
            break
        line += text.count("\n")
    return text, line, True
