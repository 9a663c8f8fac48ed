"""The text of a document as it comes, piece by piece, and as chunks of one plain text."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from lumina_cli.conversation import PlainText
from lumina_cli.data.report import LocatedDocument, Location, ReadReport

CHUNK_CHARS = 1 << 18


class Piece(NamedTuple):
    """A part of a text, and the line of the file it was found on (0: none that helps)."""

    text: str
    line: int = 0


def documents_of_pieces(
    pieces: Iterable[Piece], *, path: Path, kind: str, report: ReadReport
) -> Iterator[LocatedDocument]:
    """Yield one text in chunks that fit into memory; nothing where it is blank.

    Args:
        pieces: of the text, in order.
        path: of the file.
        kind: what the report calls it.
        report: the text is counted here as one row.
    """
    report.saw_row(path, kind)
    waiting: list[Piece] = []
    num_chars, starts, blank = 0, True, True
    for piece in pieces:
        if num_chars >= CHUNK_CHARS and not blank:
            yield _chunk(waiting, path=path, starts=starts, ends=False)
            waiting, num_chars, starts = [], 0, False
        if blank and piece.text and not piece.text.isspace():
            blank = False
        elif blank and num_chars >= CHUNK_CHARS:
            waiting, num_chars = [], 0
        waiting.append(piece)
        num_chars += len(piece.text)
    if blank:
        report.left_out.add("a file without text", Location(path), example=kind)
    else:
        yield _chunk(waiting, path=path, starts=starts, ends=True)


def tell_of_replaced(pieces: Iterable[Piece], *, path: Path, report: ReadReport) -> Iterator[Piece]:
    """Yield the pieces, and report those in which bytes were replaced that are no text."""
    for piece in pieces:
        if "\ufffd" in piece.text:
            report.notices.add("U+FFFD stands for bytes that are no text", Location(path))
        yield piece


def _chunk(pieces: list[Piece], *, path: Path, starts: bool, ends: bool) -> LocatedDocument:
    text = "".join(piece.text for piece in pieces)
    return Location(path, pieces[0].line), PlainText(text, starts=starts, ends=ends)
