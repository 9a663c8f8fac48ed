"""Chunks: documents and parts of them, each with its side of the split, many at a time."""

from collections.abc import Iterable, Iterator

from lumina_cli.conversation import Conversation, Document, PlainText
from lumina_cli.data.corpus.split import Lengths

BATCH_CHARS = 1 << 18
"""Documents are counted and encoded so many characters at a time: one by one, short
messages would spend nearly all the time in the calls themselves."""

Chunk = tuple[int, Document, int]
"""Side (0 training, 1 validation), a document or a part of one, its length in characters."""


def on_side(side: int, documents: Iterable[Document]) -> Iterator[Chunk]:
    """Yield whole documents as chunks of one side."""
    for document in documents:
        yield side, document, num_chars_of(document)


def batched(chunks: Iterable[Chunk]) -> Iterator[list[Chunk]]:
    """Yield lists of chunks of about `BATCH_CHARS` characters."""
    batch: list[Chunk] = []
    num_chars = 0
    for chunk in chunks:
        batch.append(chunk)
        num_chars += chunk[2] + 1
        if num_chars >= BATCH_CHARS:
            yield batch
            batch, num_chars = [], 0
    if batch:
        yield batch


def cut(documents: Iterable[Document], *, train_chars: Lengths) -> Iterator[Chunk]:
    """Yield each document with its side, cut in two where the split says so.

    Args:
        documents: in the order in which the split was made.
        train_chars: how many leading characters of each are for training.
    """
    index = position = 0
    for document in documents:
        boundary = int(train_chars[index])
        if isinstance(document, Conversation):
            length = num_chars_of(document)
            yield int(boundary < length), document, length
            index += 1
            continue
        for side, part in _cut_text(document, at=boundary - position):
            yield side, part, len(part.text)
        position += len(document.text)
        if document.ends:
            index, position = index + 1, 0


def _cut_text(text: PlainText, *, at: int) -> Iterator[tuple[int, PlainText]]:
    """Divide a text before its `at`-th character into training and validation."""
    if at >= len(text.text):
        yield 0, text
    elif at <= 0:
        yield 1, PlainText(text.text, starts=text.starts or at == 0, ends=text.ends)
    else:
        yield 0, PlainText(text.text[:at], starts=text.starts, ends=False)
        yield 1, PlainText(text.text[at:], starts=True, ends=text.ends)


def texts_of(document: Document) -> list[str]:
    """Return the texts of a document: its messages, or the one text."""
    if isinstance(document, PlainText):
        return [document.text]
    return [message.text for message in document.messages]


def num_chars_of(document: Document) -> int:
    """Return the length of all texts of a document together."""
    if isinstance(document, PlainText):
        return len(document.text)
    return sum([len(message.text) for message in document.messages])
