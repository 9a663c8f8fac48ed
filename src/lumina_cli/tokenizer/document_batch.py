"""Many documents as columns: what each is, who speaks, how long each text is, and all the text.

Taken one by one, short messages would spend nearly all the time in the calls themselves. What
is done to many of them at once (counting, splitting, encoding, storing) is done to columns.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise

import numpy as np
import numpy.typing as npt

from lumina_cli.conversation import Conversation, Document, Message, PlainText, Role

CONVERSATION, STARTS, ENDS, IS_TEXT = 0, 1, 2, 4
"""Kinds of documents: a conversation, or the sum of what a (part of a) plain text is."""

ROLES: tuple[Role, ...] = ("system", "user", "bot")
SPEAKERS = [(role, in_loss) for role in ROLES for in_loss in (False, True)]
SPEAKER_CODES = {speaker: code for code, speaker in enumerate(SPEAKERS)}

IN_LOSS = np.array([in_loss for _, in_loss in SPEAKERS])
"""By code: whether what is said counts in the loss."""

FIRST_MARK = 0xF8
"""This byte and those above it stand in no UTF-8."""

MOST_DOCUMENTS, MOST_CHARS = 1 << 10, 1 << 18
"""In a batch that is put together: no more need to be held than what is read at once."""

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]
Choice = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class DocumentBatch:
    """Documents side by side.

    Args:
        kinds: of each document, shape (D,).
        num_texts: of each document: its messages, or 1; shape (D,).
        speakers: of each text, an index of `SPEAKERS`, 0 in a plain text; shape (T,).
        lengths: of each text in characters, shape (T,).
        text: all texts, side by side.
        groups: of each document, or empty where none has one.
        sides: of the split: 0 for training, 1 for validation; shape (D,).
    """

    kinds: Bytes
    num_texts: Numbers
    speakers: Bytes
    lengths: Numbers
    text: str
    groups: Sequence[str | None] = ()
    sides: Bytes | None = None

    @classmethod
    def of(cls, documents: Iterable[Document]) -> "DocumentBatch":
        """Return documents as columns."""
        kinds, num_texts, speakers, texts = bytearray(), [], bytearray(), []
        groups: list[str | None] = []
        for document in documents:
            if isinstance(document, Conversation):
                kinds.append(CONVERSATION)
                num_texts.append(len(document.messages))
                groups.append(document.group)
                for message in document.messages:
                    speakers.append(SPEAKER_CODES[message.role, message.in_loss])
                    texts.append(message.text)
            else:
                kinds.append(IS_TEXT + STARTS * document.starts + ENDS * document.ends)
                num_texts.append(1)
                groups.append(None)
                speakers.append(0)
                texts.append(document.text)
        return cls(
            np.frombuffer(kinds, dtype=np.uint8),
            np.array(num_texts, dtype=np.int64),
            np.frombuffer(speakers, dtype=np.uint8),
            np.array(list(map(len, texts)), dtype=np.int64),
            "".join(texts),
            groups if any(groups) else (),
        )

    @classmethod
    def joined(cls, batches: "Sequence[DocumentBatch]") -> "DocumentBatch":
        """Return the documents of several batches in one."""
        if len(batches) == 1:
            return batches[0]
        groups = [batch.groups or [None] * len(batch) for batch in batches]
        return cls(
            np.concatenate([batch.kinds for batch in batches]),
            np.concatenate([batch.num_texts for batch in batches]),
            np.concatenate([batch.speakers for batch in batches]),
            np.concatenate([batch.lengths for batch in batches]),
            "".join([batch.text for batch in batches]),
            list(chain(*groups)) if any(batch.groups for batch in batches) else (),
            np.concatenate([batch.side_of_each for batch in batches]),
        )

    def __len__(self) -> int:
        return len(self.kinds)

    @cached_property
    def is_text(self) -> Choice:
        """Say which documents are (parts of) plain texts."""
        return (self.kinds & IS_TEXT).astype(np.bool_)

    @property
    def side_of_each(self) -> Bytes:
        """Return the sides; 0 where none are told."""
        return np.zeros(len(self), dtype=np.uint8) if self.sides is None else self.sides

    @cached_property
    def first_texts(self) -> Numbers:
        """Return the index of the first text of each document, and how many there are."""
        return begins_of(self.num_texts)

    @cached_property
    def begins(self) -> Numbers:
        """Return where each text begins in `text`, and where the last one ends."""
        return begins_of(self.lengths)

    @cached_property
    def num_chars(self) -> Numbers:
        """Return the length of each document."""
        return np.diff(self.begins[self.first_texts])

    def texts(self) -> list[str]:
        """Return the texts one by one."""
        begins, text = self.begins.tolist(), self.text
        return [text[begin:end] for begin, end in pairwise(begins)]

    def marked(self, marks: Bytes) -> tuple[bytes, list[int]]:
        """Return the texts in UTF-8, a byte that stands in none (from `FIRST_MARK`) behind each.

        Returns:
            the bytes; where each document begins in them, and where the last one ends.
        """
        data = np.frombuffer(self.text.encode(), dtype=np.uint8)
        begins = self.begins
        if len(data) != len(self.text):
            begins = begins_of(np.array([len(text.encode()) for text in self.texts()], dtype=int))
        with_marks = np.insert(data, begins[1:], marks).tobytes()
        return with_marks, (begins + np.arange(len(begins)))[self.first_texts].tolist()

    def documents(self) -> Iterator[Document]:
        """Yield the documents one by one."""
        texts, speakers = self.texts(), self.speakers.tolist()
        groups = self.groups or [None] * len(self)
        first = 0
        for kind, count, group in zip(
            self.kinds.tolist(), self.num_texts.tolist(), groups, strict=True
        ):
            if kind == CONVERSATION:
                messages = [
                    Message(SPEAKERS[speakers[at]][0], texts[at], SPEAKERS[speakers[at]][1])
                    for at in range(first, first + count)
                ]
                yield Conversation(tuple(messages), group)
            else:
                yield PlainText(texts[first], starts=bool(kind & STARTS), ends=bool(kind & ENDS))
            first += count

    def slice(self, start: int, stop: int) -> "DocumentBatch":
        """Return the documents from `start` up to `stop`."""
        if start == 0 and stop == len(self):
            return self
        first, last = self.first_texts[start], self.first_texts[stop]
        return DocumentBatch(
            self.kinds[start:stop],
            self.num_texts[start:stop],
            self.speakers[first:last],
            self.lengths[first:last],
            self.text[self.begins[first] : self.begins[last]],
            self.groups[start:stop],
            None if self.sides is None else self.sides[start:stop],
        )

    def on_side(self, side: int) -> "DocumentBatch":
        """Return the documents of one side of the split, without groups: it is made."""
        chosen = self.side_of_each == side
        if chosen.all():
            return self
        texts_chosen = np.repeat(chosen, self.num_texts)
        edges = np.flatnonzero(np.diff(chosen, prepend=False, append=False))
        runs = self.begins[self.first_texts[edges]].reshape(-1, 2).tolist()
        return DocumentBatch(
            self.kinds[chosen],
            self.num_texts[chosen],
            self.speakers[texts_chosen],
            self.lengths[texts_chosen],
            "".join([self.text[begin:end] for begin, end in runs]),
        )


def in_batches(documents: Iterable[Document]) -> Iterator[DocumentBatch]:
    """Yield documents many at a time: at most 1,024, and what makes 260,000 characters full."""
    some: list[Document] = []
    num_chars = 0
    for document in documents:
        some.append(document)
        if isinstance(document, PlainText):
            num_chars += len(document.text)
        else:
            num_chars += sum([len(message.text) for message in document.messages])
        if num_chars >= MOST_CHARS or len(some) == MOST_DOCUMENTS:
            yield DocumentBatch.of(some)
            some, num_chars = [], 0
    if some:
        yield DocumentBatch.of(some)


def begins_of(lengths: npt.NDArray[np.integer]) -> Numbers:
    """Return where things of these lengths begin, side by side, and where the last one ends."""
    begins = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=begins[1:])
    return begins
