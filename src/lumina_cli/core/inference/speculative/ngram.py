"""A draft of what comes next, from character statistics: cheap guesses for the model to check.

Text is so predictable by character that the id which most often followed the last few ids
is often the next one. The statistics are backed-off n-grams over ids, of two sources:

- a table counted in the training text and kept in the model file (`build_ngram_table`): by the
  hash of a context the id that followed it most often. A longer context stands in it only
  where it knows better than the shorter ones;
- what was read and said since (`NgramProposer.learn`), which is newer and comes first.

A guess can be wrong but nothing can go wrong with it: the model decides what is said.

N ids of the text, V vocabulary.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from lumina_cli.core.checkpoint.model_file import MAX_DRAFT_BYTES, NgramTable

MAX_ORDER = 8
"""Longest context, in ids."""

SESSION_ORDERS = (7, 5, 3)
"""Contexts that are learnt from what was read and said, the longest first."""

MAX_SEEN = 300_000
"""Contexts learnt from what was said; then learning begins anew, so that memory stays bounded."""

SLOT_BYTES = 4

_MASK = (1 << 64) - 1
_FACTORS = tuple(
    (0x9E3779B97F4A7C15 * (2 * n + 1) ** 5 | 1) & _MASK for n in range(1, MAX_ORDER + 1)
)
"""Odd numbers, one for each place before the next id."""

_REVERSED = np.array(_FACTORS[::-1], dtype=np.uint64)


def build_ngram_table(ids: npt.NDArray[np.integer], *, max_bytes: int) -> NgramTable:
    """Return the statistics of a text, a pure function of its ids.

    A slot holds a check number and an id; an empty one is all zero.

    Args:
        ids: (N,), below 65,536.
        max_bytes: what gains least is left out beyond it.
    """
    num_slots = min(max_bytes, MAX_DRAFT_BYTES) // SLOT_BYTES
    if len(ids) <= MAX_ORDER or not num_slots:
        return np.zeros((0, 2), dtype=np.uint16)
    keys, winners, gains = _counted(ids.astype(np.uint64))
    best = np.argsort(-gains, kind="stable")[:num_slots][::-1]  # the most useful is written last
    return _filled(keys[best], winners[best], num_slots=min(num_slots, 2 * len(best)))


def _counted(
    ids: npt.NDArray[np.uint64],
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Return, for each context that knows better than its shorter ones, hash, next id and gain."""
    targets = ids[MAX_ORDER:]
    guesses = ids[MAX_ORDER - 1 : -1]  # the last id again: what is guessed where nothing is known
    found = []
    for order in range(1, MAX_ORDER + 1):
        kept, guesses = _of_order(_context_hashes(ids, order=order), targets, guesses)
        found.append(kept)
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))  # type: ignore[return-value]


def _of_order(
    hashes: npt.NDArray[np.uint64],
    targets: npt.NDArray[np.uint64],
    guesses: npt.NDArray[np.uint64],
) -> tuple[tuple[npt.NDArray[np.generic], ...], npt.NDArray[np.uint64]]:
    """Return contexts of one length that gain on `guesses`, and the guesses with their help."""
    contexts, number = np.unique(hashes, return_inverse=True)
    pairs, counts = np.unique(number << 16 | targets.astype(np.int64), return_counts=True)
    most_first = np.lexsort((-counts, pairs >> 16))
    is_first = np.diff(pairs[most_first] >> 16, prepend=-1) > 0
    best = most_first[is_first]  # the pair of each context that came most often
    winners = (pairs[best] & 0xFFFF).astype(np.uint64)
    gains = counts[best] - np.bincount(number, weights=guesses == targets).astype(np.int64)
    is_better = gains >= 2
    helped = np.where(is_better[number], winners[number], guesses)
    return (contexts[is_better], winners[is_better], gains[is_better]), helped


def _filled(
    keys: npt.NDArray[np.uint64], winners: npt.NDArray[np.uint64], *, num_slots: int
) -> NgramTable:
    table = np.zeros((num_slots, 2), dtype=np.uint16)
    high = keys >> np.uint64(32)
    slots = (high * np.uint64(num_slots)) >> np.uint64(32)
    table[slots, 0] = keys & np.uint64(0xFFFF)
    table[slots, 1] = winners
    return table


class NgramProposer:
    """Guesses ids from a table and from what it has seen.

    Args:
        table: of the training text, if there is one.
    """

    def __init__(self, table: NgramTable | None = None) -> None:
        self._num_slots = 0 if table is None else len(table)
        flat = np.zeros(0, np.uint16) if table is None else np.ascontiguousarray(table).reshape(-1)
        # Several times faster to look into than an array.
        self._slots = memoryview(flat.tobytes()).cast("H")
        self._seen: dict[int, int] = {}
        self._last: list[int] = []

    def learn(self, ids: Iterable[int]) -> None:
        """Take up ids that were read or chosen, in their order."""
        for id_ in ids:
            if len(self._last) == MAX_ORDER:
                hashes = _hashes(self._last)
                for order in SESSION_ORDERS:
                    self._seen[hashes[order - 1]] = id_
                del self._last[0]
            self._last.append(id_)
        if len(self._seen) > MAX_SEEN:
            self._seen.clear()

    def forget_place(self) -> None:
        """Let what is learnt next not stand behind what was learnt last."""
        self._last = []

    def propose(self, *, num_ids: int) -> list[int]:
        """Return ids that may follow what was learnt last; after the end of a text anything."""
        context = list(self._last)
        for _ in range(num_ids):
            context.append(self._likeliest(_hashes(context[-MAX_ORDER:]), context[-1]))
        return context[-num_ids:]

    def _likeliest(self, hashes: list[int], last_id: int) -> int:
        """Return what most often followed, by the longest context that is known."""
        slots, num_slots, seen = self._slots, self._num_slots, self._seen
        for order in range(len(hashes), 0, -1):
            key = hashes[order - 1]
            if order in SESSION_ORDERS and key in seen:
                return seen[key]
            if num_slots:
                slot = 2 * ((key >> 32) * num_slots >> 32)
                if slots[slot] == key & 0xFFFF and slots[slot + 1]:
                    return slots[slot + 1]
        return last_id


def _context_hashes(ids: npt.NDArray[np.uint64], *, order: int) -> npt.NDArray[np.uint64]:
    """Return the hash of the last `order` ids before each of `ids`.

    Those of the first ids, with fewer than the longest context before them, are left out.
    """
    before = ids[MAX_ORDER - order : -1] + np.uint64(1)
    return np.correlate(before, _REVERSED[-order:])  # a sum of products, its lower 64 bits


def _hashes(context: list[int]) -> list[int]:
    """Return the hash of the last id, of the last two, and so on."""
    hashes, total = [], 0
    for id_, factor in zip(reversed(context), _FACTORS, strict=False):
        total = (total + (id_ + 1) * factor) & _MASK
        hashes.append(total)
    return hashes
