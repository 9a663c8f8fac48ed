"""Which stretches of some texts stand word for word in another, long one, and where.

The long one is read once, in windows: each stretch of k code points has a hash, and is looked up
among those of the texts.

n code points, k the length of a stretch.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lumina_cli.look.source.code_points import CodePoints

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

_BASE = 0x9E3779B97F4A7C15
_NUM_BITS = 16
MOST_REPEATS = 32
"""Of a stretch that stands in one text again and again, so many places are followed."""


class Run(NamedTuple):
    """A stretch that two texts share, as far as it goes: where it begins in each, its length."""

    asked: int
    place: int
    length: int


class Stretches:
    """The stretches of k code points of some texts, and which of them were met.

    Args:
        texts: to look up.
        k: length of a stretch.
    """

    def __init__(self, texts: Sequence[CodePoints], k: int) -> None:
        self.k = k
        self._of_text = [rolling_hashes(text, k) for text in texts]
        self._known = np.unique(np.concatenate(self._of_text))
        self._is_met = np.zeros(len(self._known), dtype=np.bool_)
        self._may_be_known = np.zeros(1 << _NUM_BITS, dtype=np.bool_)
        self._may_be_known[_high_bits(self._known)] = True

    def meet(self, points: CodePoints, *, num_own: int) -> tuple[Places, Hashes]:
        """Look up the stretches that begin in a window's own part; return those that are known.

        Returns:
            where they begin, and their hashes, (m,) each.
        """
        hashes = rolling_hashes(points, self.k)[:num_own]
        places = np.flatnonzero(self._may_be_known[_high_bits(hashes)])
        found = self._known.searchsorted(hashes[places]).clip(max=len(self._known) - 1)
        is_known = self._known[found] == hashes[places]
        self._is_met[found[is_known]] = True
        return places[is_known], hashes[places][is_known]

    def covered(self, text: int) -> npt.NDArray[np.bool_]:
        """Return which code points of a text stand in a stretch that was met, (n,)."""
        starts = np.flatnonzero(self._is_met[self._known.searchsorted(self._of_text[text])])
        covered = np.zeros(len(self._of_text[text]) + self.k - 1, dtype=np.bool_)
        for offset in range(self.k):
            covered[starts + offset] = True
        return covered


def rolling_hashes(points: CodePoints, k: int) -> Hashes:
    """Return a hash of each k code points in a row, (n − k + 1,); none where there are fewer.

    A polynomial in a fixed odd number, modulo 2**64, made from halves: few passes for any k.
    """
    if len(points) < k:
        return np.zeros(0, dtype=np.uint64)
    power = points.astype(np.uint64) + np.uint64(1)  # of 1, 2, 4, … points
    size, done, whole = 1, 0, np.zeros(len(points) - k + 1, dtype=np.uint64)
    while True:
        if k & size:
            whole += power[done : done + len(whole)] * _to_the(done)
            done += size
        if done == k:
            return whole
        power = power[:-size] + power[size:] * _to_the(size)
        size *= 2


def shared_runs(asked: CodePoints, points: CodePoints, *, k: int, num_own: int) -> list[Run]:
    """Return the stretches of at least k that a text shares with a window, each as long as it is.

    Args:
        asked: the text.
        points: of the window, with as many of what follows it as the text has.
        k: the least length.
        num_own: where a stretch may begin.
    """
    own = rolling_hashes(asked, k)
    stretches = Stretches([asked], k)
    places, hashes = stretches.meet(points, num_own=num_own)
    order = own.argsort(kind="stable")
    first = own[order].searchsorted(hashes, side="left")
    behind = own[order].searchsorted(hashes, side="right")
    runs = []
    for place, begin, end in zip(places.tolist(), first.tolist(), behind.tolist(), strict=True):
        for start in order[begin : min(end, begin + MOST_REPEATS)].tolist():
            if place and start and points[place - 1] == asked[start - 1]:
                continue  # it began before
            runs.append(Run(start, place, _common(asked[start:], points[place:])))
    return [run for run in runs if run.length >= k]


def longest_spans(runs: Sequence[Run]) -> list[tuple[int, int]]:
    """Return start and end in the text of the shared stretches that lie in no longer one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted({(r.asked, r.asked + r.length) for r in runs}, key=_left_longest):
        if not found or end > found[-1][1]:
            found.append((start, end))
    return found


def _left_longest(span: tuple[int, int]) -> tuple[int, int]:
    return span[0], -span[1]


def _common(left: CodePoints, right: CodePoints) -> int:
    """Return how many code points two texts begin with that are the same."""
    size = min(len(left), len(right))
    differ = np.flatnonzero(left[:size] != right[:size])
    return int(differ[0]) if len(differ) else size


def _high_bits(hashes: Hashes) -> npt.NDArray[np.intp]:
    return (hashes >> np.uint64(64 - _NUM_BITS)).astype(np.intp)


def _to_the(exponent: int) -> np.uint64:
    return np.uint64(pow(_BASE, exponent, 1 << 64))
