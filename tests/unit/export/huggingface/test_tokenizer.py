from typing import Any

import pytest

from lumina_cli.errors import DataError
from lumina_cli.export.huggingface.tokenizer import tokenizer_config, tokenizer_json
from lumina_cli.tokenizer.bpe_table import BpeTable
from lumina_cli.tokenizer.characters import CharacterTokenizer


class OfPieces(CharacterTokenizer):
    """Characters and pieces of them: only what an export asks of it."""

    def __init__(self, characters: str, *merges: tuple[str, str]) -> None:
        super().__init__(characters)
        self.merges = merges

    @property
    def vocab_size(self) -> int:
        return super().vocab_size + len(self.merges)

    def bpe_table(self) -> BpeTable:
        pieces = tuple(first + second for first, second in self.merges)
        return BpeTable((*self.characters, *pieces), self.merges)


def model_of(tokenizer: CharacterTokenizer) -> dict[str, Any]:
    model = tokenizer_json(tokenizer)["model"]
    assert isinstance(model, dict)
    return model


def test_ids_are_special_ones_then_bytes_then_characters() -> None:
    vocabulary = model_of(CharacterTokenizer("é a"))["vocab"]
    assert [vocabulary[text] for text in ("<0x00>", "<0xFF>", "é", " ", "a")] == [
        6, 261, 262, 263, 264,
    ]  # fmt: skip
    assert sorted(vocabulary.values()) == list(range(265))


def test_merges_are_written_in_their_order() -> None:
    model = model_of(OfPieces("abc", ("a", "b"), ("ab", "c")))
    assert model["merges"] == [["a", "b"], ["ab", "c"]]
    assert (model["vocab"]["ab"], model["vocab"]["abc"]) == (265, 266)


def test_a_piece_that_is_called_like_a_byte_is_refused() -> None:
    with pytest.raises(DataError, match="name of a byte"):
        tokenizer_json(OfPieces("<0x41>", ("<0x4", "1>")))


def test_no_tag_can_be_typed() -> None:
    for told in tokenizer_json(CharacterTokenizer("a"))["added_tokens"]:  # type: ignore[attr-defined]
        assert told["special"]
        assert "\ufdd0" in told["content"]


def test_the_template_is_the_chat_format() -> None:
    jinja2 = pytest.importorskip("jinja2", reason="the chat template is a Jinja template")
    template = jinja2.Environment().from_string(tokenizer_config(seq_length=8)["chat_template"])
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi<|\ufdd0end|>"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "Bye\n"},
    ]
    text = template.render(messages=messages, add_generation_prompt=True)
    assert text.replace("\ufdd0", "") == (
        "<|begin|><|system|>Be brief.<|end|><|user|>Hi<|end|><|end|><|bot|>Hello<|end|>"
        "<|user|>Bye\n<|end|><|bot|>"
    )
    assert text.count("\ufdd0") == 10
