"""Documents on their way to the two sides: many at a time, and cut where the split says."""

from collections.abc import Iterable, Iterator

from lumina_cli.conversation import Conversation, Document, PlainText
from lumina_cli.data.split import Lengths

BATCH_CHARS = 1 << 18
"""Documents are counted and encoded so many characters at a time: one by one, short
messages would spend nearly all the time in the calls themselves."""

Piece = tuple[int, Document, int]
"""A document or a part of one: its side, 0 for training, 1 for validation, and its length."""


def on_side(side: int, documents: Iterable[Document]) -> Iterator[Piece]:
    """Yield documents as whole pieces of one side."""
    for document in documents:
        yield side, document, num_chars_of(document)


def batches(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Yield pieces many at a time, but no more than memory bears."""
    batch: list[Piece] = []
    num_chars = 0
    for piece in pieces:
        batch.append(piece)
        num_chars += piece[2] + 1
        if num_chars >= BATCH_CHARS:
            yield batch
            batch, num_chars = [], 0
    if batch:
        yield batch


def cut(documents: Iterable[Document], *, train_chars: Lengths) -> Iterator[Piece]:
    """Yield each document with its side, cut where needed."""
    index = position = 0
    for document in documents:
        boundary = int(train_chars[index])
        if isinstance(document, Conversation):
            length = num_chars_of(document)
            yield int(boundary < length), document, length
            index += 1
            continue
        for side, part in _cut_stretch(document, at=boundary - position):
            yield side, part, len(part.text)
        position += len(document.text)
        if document.ends:
            index, position = index + 1, 0


def _cut_stretch(stretch: PlainText, *, at: int) -> Iterator[tuple[int, PlainText]]:
    """Divide a stretch of text at its `at`-th character into training and validation."""
    if at >= len(stretch.text):
        yield 0, stretch
    elif at <= 0:
        yield 1, PlainText(stretch.text, starts=stretch.starts or at == 0, ends=stretch.ends)
    else:
        yield 0, PlainText(stretch.text[:at], starts=stretch.starts, ends=False)
        yield 1, PlainText(stretch.text[at:], starts=True, ends=stretch.ends)


def texts_of(document: Document) -> list[str]:
    """Return what is said in a document, text by text."""
    if isinstance(document, PlainText):
        return [document.text]
    return [message.text for message in document.messages]


def num_chars_of(document: Document) -> int:
    """Return the length of all that is said."""
    if isinstance(document, PlainText):
        return len(document.text)
    return sum([len(message.text) for message in document.messages])
