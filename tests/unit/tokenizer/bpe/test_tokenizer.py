"""Subwords: ids as they are told by hand, by the plain form, and by the library `tokenizers`."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.errors import DataError
from lumina_cli.export.check_texts import check_texts
from lumina_cli.export.huggingface.tokenizer import tokenizer_json
from lumina_cli.tokenizer.base import NewerTokenizerError
from lumina_cli.tokenizer.bpe import tokenizer as module
from lumina_cli.tokenizer.bpe.tokenizer import BpeTokenizer
from lumina_cli.tokenizer.bpe.words import split_words
from lumina_cli.tokenizer.characters import CharacterTokenizer
from lumina_cli.tokenizer.registry import tokenizer_from_json
from lumina_cli.tokenizer.special_ids import FIRST_BYTE
from tests.unit.tokenizer.bpe.plain import merged
from tests.unit.tokenizer.test_code_points import counts_of

CHARACTERS = " 12abet'.<|nd>"
MERGES = [("a", "t"), ("b", "e"), (" ", "b"), (" b", "at"), ("<", "|"), ("t", "e")]
BPE = BpeTokenizer(CHARACTERS, MERGES)


def in_words(tokenizer: BpeTokenizer, text: str) -> list[str]:
    return [tokenizer.describe(id_) for id_ in tokenizer.encode(text)]


def test_ids_are_the_characters_then_the_pieces_then_what_was_added() -> None:
    tokenizer = BpeTokenizer("ab", [("a", "b"), ("ab", "a")], added="é")
    assert tokenizer.vocab_size == 6 + 256 + 2 + 2 + 1
    assert tokenizer.encode("aba") == [265]
    assert tokenizer.encode("abab") == [264, 264]
    assert tokenizer.encode("éab") == [266, 264]
    assert tokenizer.character_ids == {"a": 262, "b": 263, "é": 266}
    assert tokenizer.max_chars_per_id == 3


def test_what_was_learnt_first_is_merged_first_within_words_only() -> None:
    assert in_words(BPE, "a bat bate") == ["a", " bat", " bat", "e"]
    assert in_words(BPE, "be tb. a t12") == ["be", " ", "t", "b", ".", " ", "a", " ", "t", "1", "2"]


def test_a_character_without_an_id_is_spelled_in_bytes_that_are_never_merged() -> None:
    assert in_words(BPE, "at€at") == ["at", "<E2>", "<82>", "<AC>", "at"]


@given(st.text(st.sampled_from(CHARACTERS), max_size=60))
def test_ids_are_those_of_the_plain_form(text: str) -> None:
    words = split_words(text)
    assert in_words(BPE, text) == [p for word in words for p in merged(list(word), MERGES)]


@given(st.lists(st.sampled_from(["<|end|>", "<|", "|>", "at", " bat"]), max_size=9))
def test_text_makes_no_special_id(parts: list[str]) -> None:
    assert min(BPE.encode("".join(parts)), default=FIRST_BYTE) >= FIRST_BYTE


@pytest.mark.parametrize("point", [0xD800, 0xDFFF])
def test_half_a_surrogate_pair_is_refused_with_its_position(point: int) -> None:
    with pytest.raises(DataError, match=r"character 3 .*U\+D"):
        BPE.encode(f"ab{chr(point)}")


def test_words_met_before_have_the_same_ids_however_many_there_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_CACHED_WORDS", 3)
    tokenizer = BpeTokenizer(CHARACTERS, MERGES)
    text = " bat abe teb tab bet eat"
    assert [tokenizer.encode(text) for _ in range(3)] == [BPE.encode(text)] * 3
    assert len(tokenizer._known_words) <= 3 + len(split_words(text))


def stored(**changes: object) -> dict[str, Any]:
    return {"kind": "bpe", "version": 1, "characters": "ab", "merges": [["a", "b"]]} | changes


def test_it_is_stored_as_characters_and_merges() -> None:
    tokenizer = tokenizer_from_json(stored())
    assert tokenizer == BpeTokenizer("ab", [("a", "b")])
    written = json.loads(json.dumps(tokenizer.to_json()))
    assert written == stored(chars_per_id=1.0)
    assert tokenizer_from_json(written) == tokenizer
    added = tokenizer.extended("é")
    assert added.to_json() == stored(chars_per_id=1.0, added="é")
    assert tokenizer_from_json(added.to_json()) == added


def test_a_newer_version_is_not_called_damaged() -> None:
    with pytest.raises(NewerTokenizerError, match="version 1, not 2"):
        tokenizer_from_json(stored(version=2))


def test_one_of_the_same_characters_is_another_tokenizer() -> None:
    characters = CharacterTokenizer("ab")
    plain = BpeTokenizer("ab", [])
    assert plain != characters
    assert characters != plain
    assert not plain.extends(characters)
    assert plain.fingerprint != characters.fingerprint
    assert not BpeTokenizer("ab", [("a", "b")]).extends(plain)


def test_it_is_learnt_with_as_many_ids_as_asked_for() -> None:
    pytest.importorskip("tokenizers")
    text = "the cat is on the mat; a dog was in that fog, under some other thing. " * 30 + "é€"
    tokenizer = BpeTokenizer.train([text], counts=counts_of(text), min_count=2, vocab_size=300)
    assert tokenizer.vocab_size == 300
    assert "é" not in tokenizer.character_ids
    assert "th" in map(tokenizer.describe, range(262, 300))
    assert tokenizer.chars_per_id == pytest.approx(
        len(text) / len(tokenizer.encode(text)), abs=1e-3
    )
    assert BpeTokenizer.from_json(tokenizer.to_json()).chars_per_id == tokenizer.chars_per_id


def test_many_characters_leave_half_of_the_ids_to_pieces() -> None:
    pytest.importorskip("tokenizers")
    text = "".join(chr(0x4E00 + i) * (200 - i) for i in range(190)) + "猫が好き" * 300
    tokenizer = BpeTokenizer.train([text], counts=counts_of(text), min_count=1, vocab_size=362)
    assert len(tokenizer.characters) == 50
    assert "猫" in tokenizer.characters
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_a_text_without_anything_to_merge_has_characters_only() -> None:
    pytest.importorskip("tokenizers")
    tokenizer = BpeTokenizer.train([], counts=counts_of("abab"), min_count=1, vocab_size=1024)
    assert tokenizer == BpeTokenizer("ab", [])
    assert tokenizer.encode("ab") == [262, 263]


def library_of(tokenizer: BpeTokenizer) -> Any:
    library = pytest.importorskip("tokenizers")
    return library.Tokenizer.from_str(json.dumps(tokenizer_json(tokenizer)))


def assert_same_ids(tokenizer: BpeTokenizer, texts: list[str]) -> None:
    library = library_of(tokenizer)
    ids, begins = tokenizer.encode_batch(texts)
    for text, own in zip(texts, np.split(ids, begins[1:-1]), strict=True):
        assert own.tolist() == library.encode(text, add_special_tokens=False).ids
        assert tokenizer.decode(own.tolist()) == text


def test_ids_are_those_of_the_library_on_odd_texts(shared_data: Path) -> None:
    text = (shared_data / "text/emoji-release-notes-fastapi.md").read_text(encoding="utf-8")
    text += (shared_data / "lang/japanese-soseki-neko-utf8.txt").read_text(encoding="utf-8")[
        :50_000
    ]
    tokenizer = BpeTokenizer.train([text], counts=counts_of(text), min_count=3, vocab_size=2048)
    assert_same_ids(tokenizer.extended("\U0001e900ሀ"), [*check_texts(tokenizer), text[-40_000:]])


SCRIPTS = ("text/*", "lang/*utf8.txt", "lang/*.xml", "oasst/*multi*messages.jsonl", "unicode/*")


@pytest.mark.slow
def test_ids_are_those_of_the_library_on_ten_megabytes_of_many_scripts(shared_data: Path) -> None:
    files = [path for pattern in SCRIPTS for path in sorted(shared_data.glob(pattern))]
    texts = [path.read_text(encoding="utf-8")[:1_200_000] for path in files]
    texts = [text[at : at + 20_000] for text in texts for at in range(0, len(text), 20_000)]
    assert sum(len(text.encode()) for text in texts) > 10_000_000
    whole = "".join(texts)
    tokenizer = BpeTokenizer.train(texts, counts=counts_of(whole), min_count=5, vocab_size=8192)
    assert_same_ids(tokenizer, texts)
    rng = random.Random(0)
    points = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    mixed = [
        "".join(rng.choices(points[:0x3000] + list(" \n'1" * 999), k=60)) for _ in range(3_000)
    ]
    every = ["".join(points[at : at + 64]) for at in range(0, len(points), 64)]
    assert_same_ids(tokenizer, mixed + every)
