"""Documents cut where the split says, and many at a time."""

import numpy as np
import pytest

from lumina_cli.conversation import Conversation, Message, PlainText
from lumina_cli.data.corpus import chunks
from lumina_cli.data.corpus.chunks import batched, cut, num_chars_of, on_side, texts_of

CHAT = Conversation((Message("user", "abc"), Message("bot", "de")))


def test_a_conversation_is_never_cut() -> None:
    sides = [side for side, _, _ in cut([CHAT] * 3, train_chars=np.array([5, 0, 3]))]
    assert sides == [0, 1, 1]


def test_a_text_in_several_parts_is_cut_at_one_character() -> None:
    parts = [PlainText("abc", ends=False), PlainText("defg", starts=False), PlainText("xyz")]
    found = list(cut(parts, train_chars=np.array([5, 3])))
    assert found == [
        (0, PlainText("abc", ends=False), 3),
        (0, PlainText("de", starts=False, ends=False), 2),
        (1, PlainText("fg"), 2),
        (0, PlainText("xyz"), 3),
    ]


def test_batches_hold_all_chunks_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "BATCH_CHARS", 10)
    documents = [PlainText("abcd"), PlainText("e" * 30), CHAT, PlainText("f")]
    found = list(batched(on_side(1, documents)))
    assert [len(batch) for batch in found] == [2, 2]
    assert [chunk for batch in found for chunk in batch] == [
        (1, document, num_chars_of(document)) for document in documents
    ]


def test_the_texts_of_a_document_are_all_that_is_said() -> None:
    assert texts_of(CHAT) == ["abc", "de"]
    assert texts_of(PlainText("abc")) == ["abc"]
    assert num_chars_of(CHAT) == 5
