"""Encoded text as code points again, a window at a time, tags among them.

n code points.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.look.pieces import Speaker
from lumina_cli.look.reading import SPEAKERS
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.special_ids import BYTE_IDS, CONTINUATION_IDS, NUM_SPECIAL, Special

CodePoints = npt.NDArray[np.uint32]

FIRST_TAG = 0x110000
"""A tag is this and its special id: no text holds such a code point."""

WINDOW_IDS = 1 << 18


class Window(NamedTuple):
    """A part of an encoded text.

    Attributes:
        start, stop: of its ids.
        points: of these and of some that follow, (n,).
        num_own: code points of its own ids.
    """

    start: int
    stop: int
    points: CodePoints
    num_own: int


class CodePointTable:
    """What each id of a tokenizer stands for.

    Args:
        tokenizer: of the text.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        texts = ["?"] * BYTE_IDS.stop  # places for tags and bytes
        texts += [tokenizer.decode([n]) for n in range(BYTE_IDS.stop, tokenizer.vocab_size)]
        self._tokenizer = tokenizer
        self._points = code_points("".join(texts))
        self._points[:NUM_SPECIAL] = FIRST_TAG + np.arange(NUM_SPECIAL)
        self._lengths = np.array([len(text) for text in texts], dtype=np.int64)
        self._starts = self._lengths.cumsum() - self._lengths

    def decode(self, ids: npt.NDArray[np.integer]) -> CodePoints:
        """Return the code points of ids that begin and end between characters, (n,)."""
        is_byte = (ids >= BYTE_IDS.start) & (ids < BYTE_IDS.stop)
        borders = np.flatnonzero(np.diff(is_byte, prepend=False, append=False))
        parts, done = [], 0
        for first, behind in borders.reshape(-1, 2).tolist():  # runs of bytes
            parts += [self._whole(ids[done:first])]
            parts += [code_points(self._tokenizer.decode(ids[first:behind].tolist()))]
            done = behind
        return np.concatenate([*parts, self._whole(ids[done:])])

    def _whole(self, ids: npt.NDArray[np.integer]) -> CodePoints:
        lengths = self._lengths[ids]
        before = lengths.cumsum() - lengths
        places = np.repeat(self._starts[ids] - before, lengths) + np.arange(int(lengths.sum()))
        points: CodePoints = self._points[places]
        return points


def windows(text: TokenDataset, table: CodePointTable, *, overlap: int) -> Iterator[Window]:
    """Yield a text as windows, each with at least `overlap` code points of what follows it."""
    start = 0
    while start < len(text):
        yield (window := window_at(text, table, start, overlap=overlap))
        start = window.stop


def window_at(text: TokenDataset, table: CodePointTable, start: int, *, overlap: int) -> Window:
    """Return the window whose ids begin at `start`."""
    stop = _between_characters(text, start + WINDOW_IDS)
    own = table.decode(text.slice(start, stop).ids)
    most_bytes = 4
    behind = _between_characters(text, stop + most_bytes * overlap)
    return Window(
        start, stop, np.concatenate([own, table.decode(text.slice(stop, behind).ids)]), len(own)
    )


def _between_characters(text: TokenDataset, place: int) -> int:
    """Return the first place from this one on that is not within a character."""
    while place < len(text) and int(text.slice(place, place + 1).ids[0]) in CONTINUATION_IDS:
        place += 1
    return min(place, len(text))


def code_points(text: str) -> CodePoints:
    """Return the code points of a text, (n,)."""
    return np.frombuffer(text.encode("utf-32-le"), dtype="<u4").astype(np.uint32)


def shown(points: CodePoints) -> str:
    """Return code points as text, tags as they are shown."""
    return "".join(
        chr(point) if point < FIRST_TAG else Special(point - FIRST_TAG).tag
        for point in points.tolist()
    )


def speaker_before(points: CodePoints) -> Speaker:
    """Return whose words stand behind these code points, by the last tag among them."""
    tags = points[points >= FIRST_TAG]
    return SPEAKERS.get(int(tags[-1]) - FIRST_TAG, "text") if len(tags) else "text"
