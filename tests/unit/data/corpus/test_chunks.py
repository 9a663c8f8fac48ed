"""Documents cut where the split says, and many at a time."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.conversation import Conversation, Document, Message, PlainText
from lumina_cli.data.corpus import chunks
from lumina_cli.data.corpus.chunks import batches_of, cut, on_side, rebatched
from lumina_cli.tokenizer.document_batch import DocumentBatch

CHAT = Conversation((Message("user", "abc"), Message("bot", "de")))


def sided(batches: Iterator[DocumentBatch]) -> list[tuple[int, Document]]:
    return [
        (side, document)
        for batch in batches
        for side, document in zip(batch.side_of_each.tolist(), batch.documents(), strict=True)
    ]


def in_batches(documents: Sequence[Document], *sizes: int) -> Iterator[DocumentBatch]:
    start = 0
    for size in (*sizes, len(documents)):
        if documents[start : start + size]:
            yield DocumentBatch.of(documents[start : start + size])
        start += size


def test_a_conversation_is_never_cut() -> None:
    found = sided(cut(in_batches([CHAT] * 3), train_chars=np.array([5, 0, 5])))
    assert found == [(0, CHAT), (1, CHAT), (0, CHAT)]


@pytest.mark.parametrize("sizes", [(), (1,), (2,), (1, 1)])
def test_a_text_in_several_parts_is_cut_at_one_character(sizes: tuple[int, ...]) -> None:
    parts = [PlainText("abc", ends=False), PlainText("defg", starts=False), PlainText("xyz")]
    found = sided(cut(in_batches(parts, *sizes), train_chars=np.array([5, 3])))
    assert found == [
        (0, PlainText("abc", ends=False)),
        (0, PlainText("de", starts=False, ends=False)),
        (1, PlainText("fg")),
        (0, PlainText("xyz")),
    ]


def cut_one_by_one(
    documents: Sequence[Document], train_chars: Sequence[int]
) -> Iterator[tuple[int, Document]]:
    """The same by hand: each text as the characters before and behind its boundary."""
    number = position = 0
    for document in documents:
        boundary = train_chars[number]
        if isinstance(document, Conversation):
            yield int(boundary == 0 and bool(document.messages[0].text)), document
            number += 1
            continue
        text, at = document.text, boundary - position
        if at >= len(text):
            yield 0, document
        elif at <= 0:
            yield 1, PlainText(text, starts=document.starts or at == 0, ends=document.ends)
        else:
            yield 0, PlainText(text[:at], starts=document.starts, ends=False)
            yield 1, PlainText(text[at:], starts=True, ends=document.ends)
        position += len(text)
        if document.ends:
            number, position = number + 1, 0


TEXTS = st.lists(st.text("aé", max_size=5), min_size=1, max_size=3)
WHOLE = st.tuples(TEXTS, st.booleans(), st.integers(0, 16))


@given(st.lists(WHOLE, max_size=8), st.lists(st.integers(1, 5), max_size=6))
def test_texts_and_conversations_are_cut_as_one_by_one(
    whole: list[tuple[list[str], bool, int]], sizes: list[int]
) -> None:
    documents: list[Document] = []
    train_chars = []
    for texts, is_text, at in whole:
        length = sum(map(len, texts))
        train_chars.append(min(at, length) if is_text else length * (at % 2))
        if is_text:
            last = len(texts) - 1
            documents += [PlainText(t, starts=n == 0, ends=n == last) for n, t in enumerate(texts)]
        else:
            text = "".join(texts)
            documents.append(Conversation((Message("bot", text),)))
    found = sided(cut(in_batches(documents, *sizes), train_chars=np.array(train_chars, dtype=int)))
    assert found == list(cut_one_by_one(documents, train_chars))


def test_batches_hold_all_documents_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "BATCH_CHARS", 10)
    documents = [PlainText("abcd"), PlainText("e" * 30), CHAT, PlainText("f"), CHAT, CHAT]
    for sizes in ((), (1, 1, 1), (2, 3)):
        found = list(rebatched(on_side(1, in_batches(documents, *sizes))))
        assert [len(batch) for batch in found] == [2, 3, 1]
        assert sided(iter(found)) == [(1, document) for document in documents]


def test_documents_that_come_in_batches_are_taken_as_they_come() -> None:
    class Both(list[Document]):
        def batches(self) -> Iterator[DocumentBatch]:
            yield DocumentBatch.of([CHAT])

    assert sided(batches_of(Both([PlainText("a")]))) == [(0, CHAT)]
    assert sided(batches_of([PlainText("a")] * 3)) == [(0, PlainText("a"))] * 3
