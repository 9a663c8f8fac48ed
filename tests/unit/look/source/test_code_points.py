"""Encoded text as code points again, whatever it is made of and wherever it is cut."""

from itertools import pairwise

import numpy as np
import pytest

from lumina_cli.conversation import Conversation, Document, Message, PlainText
from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.look.source import code_points as module
from lumina_cli.look.source.code_points import (
    CodePointTable,
    shown,
    speaker_before,
    windows,
)
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.chat_format import encode_documents
from tests.unit.look.conftest import CHARACTERS

TALK = Conversation((Message("user", "abc ü?"), Message("bot", "漢字 ab. 🙂")))


def encoded(*documents: Document, tokenizer: Tokenizer) -> TokenDataset:
    """Documents as they lie in the cache, without a file."""
    masked = encode_documents(documents, tokenizer=tokenizer, loss_on="all")
    pairs, codes = np.unique(masked.ids * 2 + masked.in_loss, return_inverse=True)
    return TokenDataset(codes.astype(np.uint16), pairs.astype(np.int32), tokenizer)


@pytest.mark.parametrize("size", [1, 3, 4, 1_000])
def test_windows_joined_are_the_text_with_its_tags(
    tokenizer: Tokenizer, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WINDOW_IDS", size)
    text = encoded(TALK, PlainText("A ü."), tokenizer=tokenizer)
    parts = list(windows(text, CodePointTable(tokenizer), overlap=2))
    own = "".join(shown(window.points[: window.num_own]) for window in parts)
    assert own == ("<|begin|><|user|>abc ü?<|end|><|bot|>漢字 ab. 🙂<|end|><|begin|>A ü.<|end|>")
    for window, following in pairwise(parts):
        behind = window.points[window.num_own :][:1]
        np.testing.assert_array_equal(behind, following.points[:1])


def test_whose_words_follow_is_what_the_last_tag_says() -> None:
    text = encoded(TALK, PlainText("A"), tokenizer=CHARACTERS)
    (window,) = windows(text, CodePointTable(CHARACTERS), overlap=0)
    whole = shown(window.points)
    assert whole.endswith("A<|end|>")
    for end, speaker in ((2, "user"), (9, "text"), (10, "bot"), (22, "text")):
        assert speaker_before(window.points[:end]) == speaker
