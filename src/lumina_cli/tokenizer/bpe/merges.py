"""Merging: of all neighbours in a word, those whose merge was learnt first become one piece.

All words at once: the work of a round is a handful of NumPy calls for all of them, and there are
as many rounds as the word with most merges needs. Words that are done leave the rounds.
Source: Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units".
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lumina_cli.tokenizer.base import IdArray, Offsets

_SHIFT = 17
"""Of the left id in a number that stands for two: ids are below 2**16."""

_NEVER = np.iinfo(np.int32).max


class _Words(NamedTuple):
    """Words side by side; shapes (n,).

    At each place an id, the number of its word, and the rank of its merge with the next id.
    """

    ids: IdArray
    numbers: npt.NDArray[np.int64]
    ranks: IdArray

    def at(self, places: npt.NDArray[np.bool_]) -> "_Words":
        return _Words(self.ids[places], self.numbers[places], self.ranks[places])


class MergeTable:
    """The merges of a tokenizer.

    Args:
        pairs: ids of the two halves of each merge, the first learnt first.
        first_id: of what the first merge makes; that of each other follows.
    """

    def __init__(self, pairs: Sequence[tuple[int, int]], *, first_id: int) -> None:
        lefts, rights = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        keys = lefts << _SHIFT | rights
        self._ranks = np.argsort(keys).astype(np.int32)
        self._keys = keys[self._ranks]
        self._first_id = first_id

    def merge(self, ids: IdArray, begins: Offsets) -> tuple[IdArray, Offsets]:
        """Return words with their merges made.

        Args:
            ids: of the characters of all words side by side, shape (n,).
            begins: where each word begins in them, and their number; shape (words + 1,).
        """
        if not len(self._keys):
            return ids, begins
        num_words = len(begins) - 1
        words = _Words(ids.copy(), np.repeat(np.arange(num_words), np.diff(begins)), ids.copy())
        self._rank(words, np.arange(len(ids)))
        done = []
        while len(words.ids):
            words, finished = self._round(words)
            done.append(finished)
        numbers = np.concatenate([part.numbers for part in done] or [words.numbers])
        order = np.argsort(numbers, kind="stable")
        merged = np.concatenate([part.ids for part in done] or [words.ids])[order]
        return merged, np.searchsorted(numbers[order], np.arange(num_words + 1))

    def _round(self, words: _Words) -> tuple[_Words, _Words]:
        """Make the first merge of each word; return what goes on, and the rest."""
        ids, numbers, ranks = words
        starts = np.flatnonzero(np.diff(numbers, prepend=-1))
        first = np.minimum.reduceat(ranks, starts)
        first = np.repeat(first, np.diff(starts, append=len(ids)))
        goes_on = first < _NEVER
        lefts = _without_overlap(np.flatnonzero((ranks == first) & goes_on))
        ids[lefts] = ranks[lefts] + self._first_id
        is_new = np.zeros(len(ids), dtype=np.bool_)
        is_new[lefts] = is_new[lefts - 1] = True
        kept = goes_on.copy()
        kept[lefts + 1] = False
        merged = words.at(kept)
        self._rank(merged, np.flatnonzero(is_new[kept]))
        return merged, words.at(~goes_on)

    def _rank(self, words: _Words, places: npt.NDArray[np.int64]) -> None:
        """Set the ranks of the merges of some places with the next ones, `_NEVER` for none."""
        ids, numbers, ranks = words
        nexts = np.minimum(places + 1, len(ids) - 1)
        pairs = ids[places].astype(np.int64) << _SHIFT | ids[nexts]
        found = np.searchsorted(self._keys, pairs).clip(max=len(self._keys) - 1)
        is_merge = (self._keys[found] == pairs) & (numbers[places] == numbers[nexts])
        ranks[places] = np.where(is_merge & (places < nexts), self._ranks[found], _NEVER)


def _without_overlap(lefts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return places of which no two are neighbours: `aaa` is merged from the left."""
    is_first = np.diff(lefts, prepend=-2) != 1
    run_starts = lefts[is_first][np.cumsum(is_first) - 1]
    kept: npt.NDArray[np.int64] = lefts[(lefts - run_starts) % 2 == 0]
    return kept
