"""The lines of a text, many at a time; one that is too long to be held is passed over."""

from collections.abc import Iterator
from typing import IO, NamedTuple

from lumina_cli.data.checkpoints import START, Checkpoint, TextPlace, text_checkpoint
from lumina_cli.data.rows import MAX_ROW_CHARS

CHUNK_CHARS = 1 << 16
CHUNKS_A_CHECKPOINT = 16


class LineBlock(NamedTuple):
    """Lines without their ends.

    Args:
        lines: the lines.
        first: the number of the first of them.
        has_ends: False where the text ends inside the last of them.
        is_too_long: whether the block stands for one line that is not read.
    """

    lines: list[str]
    first: int
    has_ends: bool = True
    is_too_long: bool = False


def line_blocks(file: IO[str], *, begin: TextPlace = START) -> Iterator[LineBlock | Checkpoint]:
    """Yield all lines; memory holds a chunk of the file, and the line that goes on behind it."""
    number, parts, num_chars, num_chunks = begin.line, [begin.rest], len(begin.rest), 0
    while chunk := file.read(CHUNK_CHARS):
        parts.append(chunk)
        num_chars += len(chunk)
        if "\n" not in chunk and num_chars < MAX_ROW_CHARS:
            continue
        if num_chars - len(chunk) + chunk.find("\n") >= MAX_ROW_CHARS or "\n" not in chunk:
            yield LineBlock([], number, is_too_long=True)
            number += 1
            chunk = _behind_line(file, chunk)
            parts = [chunk]
        *lines, rest = "".join(parts).split("\n")
        if lines:
            yield LineBlock(lines, number)
        number += len(lines)
        parts, num_chars = [rest], len(rest)
        num_chunks += 1
        if num_chunks % CHUNKS_A_CHECKPOINT == 0:
            yield text_checkpoint(file, rest=rest, line=number)
    if num_chars:
        yield LineBlock(["".join(parts)], number, has_ends=False)


def _behind_line(file: IO[str], chunk: str) -> str:
    """Read on to the end of the line that `chunk` goes on with; return what stands behind it."""
    while chunk and "\n" not in chunk:
        chunk = file.read(CHUNK_CHARS)
    return chunk.partition("\n")[2]
