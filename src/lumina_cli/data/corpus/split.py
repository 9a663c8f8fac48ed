"""Which text trains the model and which only measures it.

Conversations and documents go whole to one side, chosen by a hash of what they say and
the seed: the same document always lands on the same side, and the order of files doesn't
matter. Those of one group (paths of one tree) stay together, and so do groups that say the
same: a duplicate can't leak. Where there are too few to choose from, each long text gives
its end, and so does a text that alone is more than validation should get.

There may be many millions of documents, so they are kept in columns: 17 bytes each.
"""

from array import array
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

FEWEST_TO_CHOOSE_FROM = 20

_KEY_BYTES = 8
"""Two documents whose keys hash alike share a side, which does no harm."""

Lengths = npt.NDArray[np.int64]
Choice = npt.NDArray[np.bool_]
Keys = npt.NDArray[np.uint64]


class DocumentSizes:
    """What the split needs to know of the documents, in reading order."""

    def __init__(self) -> None:
        self._contents = bytearray()
        self._groups = bytearray()
        self._num_chars = array("q")
        self._is_text = bytearray()

    def add(
        self, content: bytes, num_chars: int, *, is_plain_text: bool, group: bytes | None = None
    ) -> None:
        """Add a document.

        Args:
            content: equal for documents that say the same.
            num_chars: its length.
            is_plain_text: whether it may be cut.
            group: equal for those that must stay together whatever they say.
        """
        digest = blake2b(content, digest_size=_KEY_BYTES).digest()
        if group is not None or self._groups:
            if not self._groups:  # so far each was a group of its own
                self._groups += self._contents
            self._groups += blake2b(group, digest_size=_KEY_BYTES).digest() if group else digest
        self._contents += digest
        self._num_chars.append(num_chars)
        self._is_text.append(is_plain_text)

    def add_conversations(self, contents: Sequence[bytes], num_chars: Lengths) -> None:
        """Add conversations without a group: see `add`."""
        digests = b"".join(
            [blake2b(content, digest_size=_KEY_BYTES).digest() for content in contents]
        )
        if self._groups:
            self._groups += digests
        self._contents += digests
        self._num_chars.frombytes(num_chars.astype(np.int64).tobytes())
        self._is_text += bytes(len(contents))

    def __len__(self) -> int:
        return len(self._num_chars)

    @property
    def num_chars(self) -> Lengths:
        """Return the length of each document."""
        return np.array(self._num_chars, dtype=np.int64)

    @property
    def is_plain_text(self) -> Choice:
        """Return whether each document is a plain text."""
        return np.frombuffer(self._is_text, dtype=np.bool_)

    @property
    def keys(self) -> Keys:
        """Return numbers that are equal for documents that must stay on one side."""
        contents = np.frombuffer(self._contents, dtype="<u8")
        if not self._groups:
            return contents
        return _linked(np.frombuffer(self._groups, dtype="<u8"), contents)


def split_documents(documents: DocumentSizes, *, val_fraction: float, seed: int) -> Lengths:
    """Return how many leading characters of each document are for training.

    All of them, none, or where a long text is cut, its first part; the rest is for
    validation.

    Args:
        documents: all documents, in reading order.
        val_fraction: share of the characters that validation should get.
        seed: another seed chooses other documents.
    """
    lengths = documents.num_chars
    if val_fraction == 0 or not len(documents):
        return lengths
    order, begins = _drawn(documents.keys, seed=seed)
    sizes = np.add.reduceat(lengths[order], begins)
    is_few = len(sizes) < FEWEST_TO_CHOOSE_FROM
    longest = 0.0 if is_few else val_fraction * sizes.sum()
    is_cut = np.logical_or.reduceat(documents.is_plain_text[order], begins) & (sizes > longest)
    chosen = np.zeros(len(sizes), dtype=np.bool_)
    if not is_few or not is_cut.any():
        chosen = _choose_groups(sizes, ~is_cut, val_fraction=val_fraction)
    if not chosen.any() and not is_cut.any() and len(sizes) > 1:
        chosen[sizes.argmin()] = True
    group_sizes = np.diff(begins, append=len(order))
    lengths[order[np.repeat(chosen, group_sizes)]] = 0
    cut = order[np.repeat(is_cut, group_sizes)]
    lengths[cut] -= (lengths[cut] * val_fraction).astype(np.int64)
    return lengths


def _choose_groups(sizes: Lengths, may_be: Choice, *, val_fraction: float) -> Choice:
    """Choose groups in their order, each that brings the share nearer to the one asked for."""
    target = val_fraction * int(sizes[may_be].sum())
    chosen = np.zeros(len(sizes), dtype=np.bool_)
    num_chars = 0
    for number, size in enumerate(sizes):
        if num_chars >= target:
            break
        if may_be[number] and num_chars + int(size) / 2 <= target:
            chosen[number] = True
            num_chars += int(size)
    return chosen


def _drawn(keys: Keys, *, seed: int) -> tuple[Lengths, Lengths]:
    """Return the documents group by group, in the order of a draw, and where groups begin.

    The order is that of the keys, hashed once more with the seed.

    Source: Steele et al. 2014, "Fast Splittable Pseudorandom Number Generators" (the mix).
    """
    salt = int.from_bytes(blake2b(seed.to_bytes(8, "little"), digest_size=8).digest(), "little")
    mixed = keys ^ np.uint64(salt)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    order = np.argsort(mixed, kind="stable")
    mixed = mixed[order]
    return order, np.flatnonzero(np.concatenate(([True], mixed[1:] != mixed[:-1])))


def _linked(groups: Keys, contents: Keys) -> Keys:
    """Return the groups, under one key those that hold the same content, if by way of others.

    Source: R. E. Tarjan, "Efficiency of a Good But Not Linear Set Union Algorithm" (1975).
    """
    order = np.lexsort((groups, contents))
    group, content = groups[order], contents[order]
    links = np.flatnonzero((content[1:] == content[:-1]) & (group[1:] != group[:-1]))
    leaders: dict[int, int] = {}
    for one, other in zip(group[links].tolist(), group[links + 1].tolist(), strict=True):
        first, second = _leader(one, leaders), _leader(other, leaders)
        leaders[max(first, second)] = min(first, second)
    if not leaders:
        return groups
    names = np.array(sorted(leaders), dtype=np.uint64)
    led_by = np.array([_leader(name, leaders) for name in names.tolist()], dtype=np.uint64)
    nearest = np.minimum(np.searchsorted(names, groups), len(names) - 1)
    return np.where(names[nearest] == groups, led_by[nearest], groups)


def _leader(name: int, leaders: dict[int, int]) -> int:
    """Return who leads a group, and shorten the way to it."""
    while (above := leaders.setdefault(name, name)) != name:
        leaders[name] = name = leaders[above]
    return name
