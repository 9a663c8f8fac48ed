"""Plain text: each file is one document, read in chunks that fit into memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from lumina_cli.conversation import PlainText
from lumina_cli.data.checkpoints import START, Checkpoint, TextPlace, text_checkpoint
from lumina_cli.data.config import DataConfig
from lumina_cli.data.readers.files import PLAIN_SUFFIXES, data_suffix
from lumina_cli.data.readers.text_files import open_text
from lumina_cli.data.report import LocatedDocument, Location, ReadReport

CHUNK_CHARS = 1 << 18
"""Small enough for the arrays made of it to stay in the processor's cache."""
CHUNKS_A_CHECKPOINT = 4


class TextChunk(NamedTuple):
    """A part of a plain text and the line it begins on."""

    text: PlainText
    line: int


def documents_of_plain_text(
    path: Path, *, config: DataConfig, report: ReadReport, begin: TextPlace = START
) -> Iterator[LocatedDocument | Checkpoint]:
    """Yield the chunks of a text file, each with the line it begins on.

    Raises:
        DataError: it is not text in the encoding of `config`.
    """
    with open_text(path, encoding=config.encoding, begin=begin) as text:
        for chunk in text_chunks(text, begin=begin):
            if isinstance(chunk, Checkpoint):
                yield chunk
                continue
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


def text_chunks(file: IO[str], *, begin: TextPlace = START) -> Iterator[TextChunk | Checkpoint]:
    """Yield a text in chunks that end with a line where they can; nothing for blank text.

    Chunks of white space alone at the very beginning are dropped.
    """
    text, line, starts = begin.rest, begin.line, False
    if begin == START:
        text, line, starts = _first_with_text(file)
    num_chunks = 0
    while text:
        more = file.read(CHUNK_CHARS)
        end = len(text) if not more else text.rfind("\n") + 1 or len(text)
        yield TextChunk(PlainText(text[:end], starts=starts, ends=not more), line)
        line += text.count("\n", 0, end)
        text, starts = text[end:] + more, False
        num_chunks += 1
        if more and num_chunks % CHUNKS_A_CHECKPOINT == 0:
            yield text_checkpoint(file, rest=text, line=line)


def _first_with_text(file: IO[str]) -> tuple[str, int, bool]:
    line = 1
    while text := file.read(CHUNK_CHARS):
        if not text.isspace():
            break
        line += text.count("\n")
    return text, line, True
