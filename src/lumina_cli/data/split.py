"""Which text trains the model and which only measures it.

Conversations and documents go whole to one side, chosen by a hash of what they say and
the seed: the same document always lands on the same side, so a duplicate can't leak, and
the order of files doesn't matter. Where there are too few to choose from, each long text
gives its end, and so does a text that alone is more than validation should get.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FEWEST_TO_CHOOSE_FROM = 20


@dataclass(frozen=True, slots=True)
class DocumentSize:
    """What the split needs to know of a document.

    `key` is equal for documents that must stay together (paths of one tree, duplicates).
    """

    key: bytes
    num_chars: int
    is_plain_text: bool


def split_documents(
    documents: Sequence[DocumentSize], *, val_fraction: float, seed: int
) -> list[int]:
    """Return how many leading characters of each document are for training.

    All of them, none, or where a long text is cut, its first part; the rest is for
    validation.

    Args:
        documents: all documents, in reading order.
        val_fraction: share of the characters that validation should get.
        seed: another seed chooses other documents.
    """
    if val_fraction == 0 or not documents:
        return [document.num_chars for document in documents]
    sizes = _group_sizes(documents)
    cut = _texts_to_cut(documents, sizes=sizes, val_fraction=val_fraction)
    chosen: set[bytes] = set()
    if not cut or len(sizes) >= FEWEST_TO_CHOOSE_FROM:
        whole = {key: size for key, size in sizes.items() if key not in cut}
        chosen = _choose_groups(whole, val_fraction=val_fraction, seed=seed)
    if not chosen and not cut and len(sizes) > 1:
        chosen = {min(sizes, key=lambda key: (sizes[key], _hash(key, seed=seed)))}
    return [
        _train_chars(d, cut=d.key in cut, chosen=d.key in chosen, val_fraction=val_fraction)
        for d in documents
    ]


def _train_chars(document: DocumentSize, *, cut: bool, chosen: bool, val_fraction: float) -> int:
    if cut:
        return document.num_chars - int(document.num_chars * val_fraction)
    return 0 if chosen else document.num_chars


def _texts_to_cut(
    documents: Sequence[DocumentSize], *, sizes: Mapping[bytes, int], val_fraction: float
) -> set[bytes]:
    """Return the texts that give their end: every one of a few, else those that are too long."""
    is_few = len(sizes) < FEWEST_TO_CHOOSE_FROM
    longest = 0.0 if is_few else val_fraction * sum(sizes.values())
    return {d.key for d in documents if d.is_plain_text and sizes[d.key] > longest}


def _group_sizes(documents: Sequence[DocumentSize]) -> dict[bytes, int]:
    """Add up the characters of the documents that stay together."""
    sizes: dict[bytes, int] = {}
    for document in documents:
        sizes[document.key] = sizes.get(document.key, 0) + document.num_chars
    return sizes


def _choose_groups(sizes: Mapping[bytes, int], *, val_fraction: float, seed: int) -> set[bytes]:
    """Choose groups in hash order, each that brings the share nearer to the one asked for."""
    target = val_fraction * sum(sizes.values())
    chosen: set[bytes] = set()
    num_chars = 0
    for key in sorted(sizes, key=lambda key: _hash(key, seed=seed)):
        if num_chars + sizes[key] / 2 <= target:
            chosen.add(key)
            num_chars += sizes[key]
    return chosen


def _hash(key: bytes, *, seed: int) -> bytes:
    return hashlib.blake2b(key, digest_size=16, salt=seed.to_bytes(8, "little")).digest()
