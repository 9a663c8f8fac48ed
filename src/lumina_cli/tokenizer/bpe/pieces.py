"""Pieces: texts that are merged of two earlier ones, checked before they are believed."""

from collections.abc import Iterable

from lumina_cli.errors import DataError

MAX_PIECE_CHARS = 32

Merge = tuple[str, str]
"""The two halves of a piece."""


def pieces_of(merges: Iterable[Merge], *, characters: str) -> list[str]:
    """Return what merges make.

    Raises:
        DataError: a half is no earlier piece, or what they make is there already, or too long.
    """
    known, pieces = set(characters), []
    for left, right in merges:
        piece = left + right
        if left not in known or right not in known:
            raise DataError("a piece of the vocabulary is made of what is not there before it")
        if piece in known:
            raise DataError("the vocabulary holds a piece twice")
        if len(piece) > MAX_PIECE_CHARS:
            raise DataError(f"a piece of the vocabulary has over {MAX_PIECE_CHARS} characters")
        known.add(piece)
        pieces.append(piece)
    return pieces


def checked_merges(stored: object) -> list[Merge]:
    """Return merges as they are stored, if these are pairs of texts."""
    if not isinstance(stored, list):
        raise DataError("there are no merges")
    for pair in stored:
        if not isinstance(pair, list) or list(map(type, pair)) != [str, str]:
            raise DataError("a merge is no pair of texts")
    return [(left, right) for left, right in stored]
