"""What documents say, as digests that are equal where they say the same: the split goes by them."""

from concurrent.futures import Executor, Future
from hashlib import blake2b
from itertools import pairwise

import numpy as np

from lumina_cli.data.corpus.split import DocumentSizes
from lumina_cli.tokenizer.document_batch import (
    CONVERSATION,
    ENDS,
    STARTS,
    DocumentBatch,
)

_END_OF_TEXT = np.uint8(0xFF)
"""It stands in no UTF-8: the texts of a conversation can't run together."""


WORTH_A_THREAD = 1 << 14
"""Bytes: hashing so many takes longer than handing them to another thread."""


class ContentSizes:
    """Collects the sizes of documents, batch by batch; a plain text may come in many parts.

    Args:
        in_background: hashes long parts of texts meanwhile; at most one of them waits.
    """

    def __init__(self, *, in_background: Executor) -> None:
        self.sizes = DocumentSizes()
        self._executor = in_background
        self._digest, self._num_chars = blake2b(digest_size=16), 0
        self._hashing: Future[None] | None = None

    def add(self, batch: DocumentBatch) -> None:
        """Add the documents of a batch."""
        if len(batch) == np.count_nonzero(batch.is_text) == len(batch.lengths):
            for kind, text in zip(batch.kinds.tolist(), batch.texts(), strict=True):
                self._add_text(kind, text.encode(), len(text))
            return
        data, begins = batch.marked(np.full(len(batch.lengths), _END_OF_TEXT))
        if not batch.groups and not batch.is_text.any():
            contents = [data[begin:end] for begin, end in pairwise(begins)]
            self.sizes.add_conversations(contents, batch.num_chars)
            return
        num_chars = batch.num_chars.tolist()
        groups = batch.groups or [None] * len(batch)
        for kind, (begin, end), length, group in zip(
            batch.kinds.tolist(), pairwise(begins), num_chars, groups, strict=True
        ):
            if kind == CONVERSATION:
                group_id = group.encode("utf-8", "surrogatepass") if group else None
                self.sizes.add(data[begin:end], length, is_plain_text=False, group=group_id)
            else:
                self._add_text(kind, data[begin : end - 1], length)

    def _add_text(self, kind: int, data: bytes, num_chars: int) -> None:
        if kind & STARTS:
            self._digest, self._num_chars = blake2b(digest_size=16), 0
        self._wait()
        if len(data) >= WORTH_A_THREAD:
            self._hashing = self._executor.submit(self._digest.update, data)
        else:
            self._digest.update(data)
        self._num_chars += num_chars
        if kind & ENDS:
            self._wait()
            self.sizes.add(self._digest.digest(), self._num_chars, is_plain_text=True)

    def _wait(self) -> None:
        """Wait until what was given to the other thread is hashed."""
        if self._hashing:
            self._hashing.result()
            self._hashing = None
