"""Documents in batches of one size, each with its side of the split, and cut where it says so."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np

from lumina_cli.conversation import Document
from lumina_cli.data.checkpoints import Checkpoint, State
from lumina_cli.data.corpus.split import Lengths
from lumina_cli.tokenizer.document_batch import ENDS, STARTS, DocumentBatch, in_batches

BATCH_CHARS = 1 << 18
"""Documents are counted and encoded so many characters at a time. The codes of a corpus are
given in the order of its batches: another size makes other bytes of the same text."""


@runtime_checkable
class Batched(Protocol):
    """Documents that come in batches as well as one by one."""

    def batches(self) -> Iterator[DocumentBatch]:
        """Yield the documents, so many at a time as come together."""


@runtime_checkable
class Checkpointed(Protocol):
    """Documents that can be gone on with after an interruption: see `Documents`."""

    def checkpointed(self, begin: State | None = None) -> Iterator[DocumentBatch | Checkpoint]:
        """Yield the documents behind a checkpoint, and checkpoints among them."""

    def end(self) -> State:
        """Return the state behind the last of them."""


def far_between(
    batches: Iterable[DocumentBatch | Checkpoint], *, num_bytes: Callable[[], int]
) -> Iterator[DocumentBatch | Checkpoint]:
    """Yield batches, and those checkpoints before which there was enough text to keep."""
    passed = 0
    for batch in batches:
        if not isinstance(batch, Checkpoint):
            passed += len(batch.text) + 6 * len(batch)
        elif passed < num_bytes():
            continue
        else:
            passed = 0
        yield batch


def batches_of(documents: Iterable[Document]) -> Iterator[DocumentBatch]:
    """Yield documents many at a time, as they come or put together here."""
    if isinstance(documents, Batched):
        yield from documents.batches()
        return
    yield from in_batches(documents)


def rebatched(batches: Iterable[DocumentBatch]) -> Iterator[DocumentBatch]:
    """Yield the same documents in batches of `BATCH_CHARS` characters and what fills the last."""
    waiting: list[DocumentBatch] = []
    num_waiting = 0
    for batch in batches:
        waiting.append(batch)
        num_waiting += len(batch.text) + len(batch)
        if num_waiting < BATCH_CHARS:
            continue
        whole = DocumentBatch.joined(waiting)
        ends = np.cumsum(whole.num_chars + 1)
        start = done = 0
        while (last := int(ends.searchsorted(done + BATCH_CHARS))) < len(ends):
            yield whole.slice(start, last + 1)
            start, done = last + 1, int(ends[last])
        waiting = [whole.slice(start, len(whole))]
        num_waiting -= done
    if num_waiting:
        yield DocumentBatch.joined(waiting)


def on_side(side: int, batches: Iterable[DocumentBatch]) -> Iterator[DocumentBatch]:
    """Yield batches as those of one side."""
    for batch in batches:
        yield replace(batch, sides=np.full(len(batch), side, dtype=np.uint8))


def cut(batches: Iterable[DocumentBatch], *, train_chars: Lengths) -> Iterator[DocumentBatch]:
    """Yield each document with its side, cut in two where the split says so.

    Args:
        batches: the documents in the order in which the split was made.
        train_chars: how many leading characters of each are for training.
    """
    first = position = 0  # the document that a batch begins in, and how much of it came before
    for batch in batches:
        lengths = batch.num_chars
        ends = ~batch.is_text | (batch.kinds & ENDS != 0)
        document = np.cumsum(ends) - ends
        begins = batch.begins[batch.first_texts[:-1]]
        places = begins - begins[document.searchsorted(document)] + position * (document == 0)
        at = train_chars[first + document] - places
        yield _cut_batch(batch, at=at)
        num_ended = int(np.count_nonzero(ends))
        first += num_ended
        position = 0 if ends[-1] else int(places[-1] + lengths[-1])


def _cut_batch(batch: DocumentBatch, *, at: Lengths) -> DocumentBatch:
    """Divide a batch: what stands before the `at`-th character of each document is training."""
    sides = (at < batch.num_chars).astype(np.uint8)
    starts_here = (sides == 1) & (at == 0) & batch.is_text
    kinds = np.where(starts_here, batch.kinds | STARTS, batch.kinds)
    twice = np.flatnonzero((sides == 1) & (at > 0))
    if not len(twice):
        return replace(batch, kinds=kinds, sides=sides)
    text = batch.first_texts[twice]
    kinds = np.insert(kinds, twice + 1, kinds[twice] | STARTS)
    lengths = np.insert(batch.lengths, text, at[twice])
    lengths[text + np.arange(1, len(twice) + 1)] -= at[twice]
    sides = np.insert(sides, twice, 0)
    kinds[twice + np.arange(len(twice))] &= ~np.uint8(ENDS)
    return DocumentBatch(
        kinds,
        np.insert(batch.num_texts, twice, 1),
        np.insert(batch.speakers, text, 0),
        lengths,
        batch.text,
        sides=sides,
    )
