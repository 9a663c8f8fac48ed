"""Code points: those of a text, how often each stands in a corpus, and which are worth an id."""

from collections.abc import Container, Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from lumina_cli.errors import DataError
from lumina_cli.tokenizer.special_ids import FIRST_CHARACTER, MAX_VOCAB_SIZE

Counts = npt.NDArray[np.int64]
"""How often each code point stands in a corpus, shape (0x110000,)."""

CodePoints = npt.NDArray[np.uint8] | npt.NDArray[np.uint32]

NUM_CODE_POINTS = 0x110000

BLOCK = 1 << 13
"""NumPy makes an index of 8 bytes a character. That of a whole batch is memory which the system
gives and takes back each time, and that costs more than the look-up itself."""

Number = TypeVar("Number", bound=np.generic)


def code_points(text: str) -> CodePoints:
    """Return the code points of `text`; those of ASCII take a byte each.

    Raises:
        DataError: it holds a lone surrogate.
    """
    if text.isascii():
        return np.frombuffer(text.encode(), dtype=np.uint8)
    try:
        return np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
    except UnicodeEncodeError as error:
        point = ord(text[error.start])
        raise DataError(
            f"character {error.start + 1} is half of a UTF-16 pair (U+{point:04X}), not text",
            hint="The text was cut inside a character; replace it by U+FFFD or remove it.",
        ) from error


def add_counts(counts: Counts, text: str) -> None:
    """Add to `counts` how often each code point stands in a text. Raises DataError as above."""
    points = code_points(text)
    step = BLOCK if points.dtype == np.uint8 else max(len(points), 1)
    for start in range(0, len(points), step):
        found = np.bincount(points[start : start + step])
        counts[: len(found)] += found


def take_in_blocks(
    table: npt.NDArray[Number], index: npt.NDArray[np.integer]
) -> npt.NDArray[Number]:
    """Return `table.take(index, mode="clip")`, made in parts: see `BLOCK`."""
    taken = np.empty(len(index), dtype=table.dtype)
    for start in range(0, len(index), BLOCK):
        part = slice(start, start + BLOCK)
        table.take(index[part], mode="clip", out=taken[part])
    return taken


MOST_CHARACTERS = MAX_VOCAB_SIZE - FIRST_CHARACTER
"""That can have an id of their own."""


def frequent_characters(counts: Counts, *, min_count: int, most: int = MOST_CHARACTERS) -> str:
    """Return the characters of a corpus that get an id of their own, by code point.

    Args:
        counts: of the corpus.
        min_count: a character seen less often is spelled in bytes.
        most: of them.
    """
    kept = np.flatnonzero(counts >= max(min_count, 1))
    if len(kept) > most:  # the most frequent, and of equally frequent ones the lower
        kept = np.sort(kept[np.argsort(-counts[kept], kind="stable")[:most]])
    return "".join(map(chr, kept.tolist()))


def new_characters(counts: Counts, *, known: Container[str]) -> dict[str, int]:
    """Return the characters of a corpus that are not known, by code point, with their counts."""
    found = np.flatnonzero(counts)
    pairs = zip(map(chr, found.tolist()), counts[found].tolist(), strict=True)
    return {character: count for character, count in pairs if character not in known}


def most_frequent(characters: Mapping[str, int], *, min_count: int, most: int) -> str:
    """Return the characters that are worth an id of their own, by code point.

    Args:
        characters: how often each stands in a corpus.
        min_count: one that is seen less often stays spelled in bytes.
        most: of them; of equally frequent ones the lower.
    """
    frequent = [character for character, count in characters.items() if count >= min_count]
    frequent.sort(key=lambda character: (-characters[character], character))
    return "".join(sorted(frequent[:most]))
