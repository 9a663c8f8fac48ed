"""Which text trains the model and which only measures it.

Conversations and documents go whole to one side, chosen by a hash of what they say and
the seed: the same document always lands on the same side, so a duplicate can't leak, and
the order of files doesn't matter. Where there are too few to choose from, each long text
gives its end.
"""

import hashlib
from collections.abc import Sequence
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
    num_groups = len({document.key for document in documents})
    if num_groups < FEWEST_TO_CHOOSE_FROM and any(d.is_plain_text for d in documents):
        return [_train_chars_of_few(d, val_fraction=val_fraction) for d in documents]
    for_validation = _choose_groups(documents, val_fraction=val_fraction, seed=seed)
    return [0 if d.key in for_validation else d.num_chars for d in documents]


def _train_chars_of_few(document: DocumentSize, *, val_fraction: float) -> int:
    """Cut the end off a plain text; a conversation among few documents is kept whole."""
    if not document.is_plain_text:
        return document.num_chars
    return document.num_chars - int(document.num_chars * val_fraction)


def _choose_groups(
    documents: Sequence[DocumentSize], *, val_fraction: float, seed: int
) -> set[bytes]:
    """Choose groups in hash order until they hold the share asked for.

    A group larger than the whole share is passed over, unless there is no other.
    """
    sizes: dict[bytes, int] = {}
    for document in documents:
        sizes[document.key] = sizes.get(document.key, 0) + document.num_chars
    if len(sizes) == 1:
        return set()
    in_hash_order = sorted(sizes, key=lambda key: _hash(key, seed=seed))
    target = val_fraction * sum(sizes.values())
    chosen: set[bytes] = set()
    num_chars = 0
    for key in in_hash_order:
        if num_chars < target and sizes[key] <= target:
            chosen.add(key)
            num_chars += sizes[key]
    return chosen or {min(in_hash_order, key=sizes.__getitem__)}


def _hash(key: bytes, *, seed: int) -> bytes:
    return hashlib.blake2b(key, digest_size=16, salt=seed.to_bytes(8, "little")).digest()
