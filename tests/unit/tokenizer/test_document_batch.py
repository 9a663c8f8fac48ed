"""Documents as columns are those documents."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.conversation import Conversation, Document, Message, PlainText
from lumina_cli.tokenizer import document_batch
from lumina_cli.tokenizer.document_batch import DocumentBatch, in_batches

TEXT = st.text(st.sampled_from("abé日😀\0"), max_size=6)
MESSAGES = st.builds(Message, st.sampled_from(["system", "user", "bot"]), TEXT, st.booleans())
DOCUMENT = st.builds(
    Conversation, st.lists(MESSAGES, max_size=3).map(tuple), st.none() | st.just("g")
) | st.builds(PlainText, TEXT, st.booleans(), st.booleans())
DOCUMENTS = st.lists(DOCUMENT, max_size=6)

TALK = Conversation((Message("user", "ab"), Message("bot", "é", in_loss=False)))


def length_of(document: Document) -> int:
    if isinstance(document, PlainText):
        return len(document.text)
    return sum(len(message.text) for message in document.messages)


def test_columns_say_what_each_document_is() -> None:
    batch = DocumentBatch.of([TALK, PlainText("xyz", ends=False)])
    assert batch.text == "abéxyz"
    assert batch.num_texts.tolist() == [2, 1]
    assert batch.lengths.tolist() == [2, 1, 3]
    assert batch.num_chars.tolist() == [3, 3]
    assert batch.is_text.tolist() == [False, True]


@given(DOCUMENTS)
def test_documents_come_back_as_they_were(documents: list[Document]) -> None:
    batch = DocumentBatch.of(documents)
    assert list(batch.documents()) == documents
    assert batch.num_chars.tolist() == list(map(length_of, documents))


@given(DOCUMENTS, DOCUMENTS, st.integers(0, 6), st.integers(0, 6))
def test_batches_are_joined_and_sliced_like_lists(
    some: list[Document], more: list[Document], start: int, stop: int
) -> None:
    batch = DocumentBatch.joined([DocumentBatch.of(some), DocumentBatch.of(more)])
    assert list(batch.documents()) == some + more
    start, stop = (min(at, len(batch)) for at in (start, stop))
    assert list(batch.slice(start, max(start, stop)).documents()) == (some + more)[start:stop]


@given(st.lists(st.tuples(DOCUMENT, st.integers(0, 1)), max_size=6))
def test_a_side_has_its_documents_in_order_without_groups(
    sided: list[tuple[Document, int]],
) -> None:
    documents = [document for document, _ in sided]
    batch = DocumentBatch.of(documents)
    sides = np.array([side for _, side in sided], dtype=np.uint8)
    batch = DocumentBatch(
        batch.kinds, batch.num_texts, batch.speakers, batch.lengths, batch.text, sides=sides
    )
    for side in (0, 1):
        expected = [document for document, its_side in sided if its_side == side]
        without = [
            Conversation(each.messages) if isinstance(each, Conversation) else each
            for each in expected
        ]
        assert list(batch.on_side(side).documents()) == without


@given(DOCUMENTS)
def test_marked_bytes_are_each_text_and_its_mark(documents: list[Document]) -> None:
    batch = DocumentBatch.of(documents)
    data, begins = batch.marked(np.full(len(batch.lengths), 0xFF, dtype=np.uint8))
    assert data == b"".join(text.encode() + b"\xff" for text in batch.texts())
    for document, begin, end in zip(documents, begins, begins[1:], strict=False):
        texts = DocumentBatch.of([document]).texts()
        assert data[begin:end] == b"".join(text.encode() + b"\xff" for text in texts)


def test_batches_are_put_together_up_to_a_bound() -> None:
    documents = [PlainText("x" * 100_000)] * 7 + [PlainText("y")] * 2000
    batches = list(in_batches(documents))
    assert [each for batch in batches for each in batch.documents()] == documents
    assert [len(batch) for batch in batches] == [3, 3, 1024, 977]
    assert document_batch.MOST_DOCUMENTS == 1024
