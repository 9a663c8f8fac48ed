"""Which text trains the model and which only measures it.

Conversations and documents go whole to one side, chosen by a hash of what they say and
the seed: the same document always lands on the same side, so a duplicate can't leak, and
the order of files doesn't matter. Where there are too few to choose from, each long text
gives its end, and so does a text that alone is more than validation should get.

There may be many millions of documents, so they are kept in columns: 25 bytes each.
"""

from array import array
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

FEWEST_TO_CHOOSE_FROM = 20

_KEY_BYTES = 16
_KEY = np.dtype([("first", "<u8"), ("second", "<u8")])

Lengths = npt.NDArray[np.int64]
Choice = npt.NDArray[np.bool_]


class DocumentSizes:
    """What the split needs to know of the documents, in reading order."""

    def __init__(self) -> None:
        self._keys = bytearray()
        self._num_chars = array("q")
        self._is_text = bytearray()

    def add(self, key: bytes, num_chars: int, *, is_plain_text: bool) -> None:
        """Add a document; `key` is equal for those that must stay together."""
        self._keys += blake2b(key, digest_size=_KEY_BYTES).digest()
        self._num_chars.append(num_chars)
        self._is_text.append(is_plain_text)

    def __len__(self) -> int:
        return len(self._num_chars)

    @property
    def num_chars(self) -> Lengths:
        """Return the length of each document."""
        return (
            np.frombuffer(self._num_chars, dtype=np.int64) if len(self) else np.zeros(0, np.int64)
        )

    @property
    def is_plain_text(self) -> Choice:
        """Return whether each document is a plain text."""
        return np.frombuffer(self._is_text, dtype=np.bool_)

    @property
    def keys(self) -> npt.NDArray[np.void]:
        """Return the hashed keys."""
        return np.frombuffer(self._keys, dtype=_KEY)


def split_documents(documents: DocumentSizes, *, val_fraction: float, seed: int) -> Lengths:
    """Return how many leading characters of each document are for training.

    All of them, none, or where a long text is cut, its first part; the rest is for
    validation.

    Args:
        documents: all documents, in reading order.
        val_fraction: share of the characters that validation should get.
        seed: another seed chooses other documents.
    """
    lengths = documents.num_chars.copy()
    if val_fraction == 0 or not len(documents):
        return lengths
    keys, group = np.unique(documents.keys, return_inverse=True)
    sizes = np.bincount(group, weights=lengths).astype(np.int64)
    is_few = len(keys) < FEWEST_TO_CHOOSE_FROM
    longest = 0.0 if is_few else val_fraction * sizes.sum()
    is_cut = np.zeros(len(keys), dtype=np.bool_)
    is_cut[group[documents.is_plain_text]] = True
    is_cut &= sizes > longest
    order = _shuffled(keys, seed=seed)
    chosen = np.zeros(len(keys), dtype=np.bool_)
    if not is_few or not is_cut.any():
        chosen = _choose_groups(sizes, order[~is_cut[order]], val_fraction=val_fraction)
    if not chosen.any() and not is_cut.any() and len(keys) > 1:
        chosen[order[sizes[order].argmin()]] = True
    lengths[chosen[group]] = 0
    cut = is_cut[group]
    lengths[cut] -= (lengths[cut] * val_fraction).astype(np.int64)
    return lengths


def _choose_groups(sizes: Lengths, order: Lengths, *, val_fraction: float) -> Choice:
    """Choose groups in this order, each that brings the share nearer to the one asked for."""
    target = val_fraction * int(sizes[order].sum())
    chosen = np.zeros(len(sizes), dtype=np.bool_)
    num_chars = 0
    for number in order:
        if num_chars >= target:
            break
        size = int(sizes[number])
        if num_chars + size / 2 <= target:
            chosen[number] = True
            num_chars += size
    return chosen


def _shuffled(keys: npt.NDArray[np.void], *, seed: int) -> Lengths:
    """Return the order of the groups for a seed: that of their keys, hashed once more.

    Source: Steele et al. 2014, "Fast Splittable Pseudorandom Number Generators" (the mix).
    """
    salt = int.from_bytes(blake2b(seed.to_bytes(8, "little"), digest_size=8).digest(), "little")
    mixed = keys["first"] ^ np.uint64(salt)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.argsort(mixed ^ (mixed >> np.uint64(31)), kind="stable")
