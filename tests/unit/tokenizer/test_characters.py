"""Characters to ids and back."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.errors import DataError
from lumina_cli.tokenizer.characters import CharacterTokenizer
from lumina_cli.tokenizer.registry import tokenizer_from_json
from lumina_cli.tokenizer.special_ids import FIRST_BYTE, FIRST_CHARACTER, MAX_VOCAB_SIZE, Special
from tests.unit.tokenizer.test_code_points import counts_of

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
ALPHABETS = st.lists(st.characters(exclude_categories=["Cs"]), unique=True).map("".join)
TAGS = [special.tag for special in Special]
TEXTS_WITH_TAGS = st.lists(st.one_of(TEXTS, st.sampled_from(TAGS))).map("".join)


@given(text=TEXTS, alphabet=ALPHABETS)
def test_any_text_comes_back_from_its_ids_whatever_the_vocabulary(text: str, alphabet: str) -> None:
    tokenizer = CharacterTokenizer(alphabet)
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(text=TEXTS)
def test_text_comes_back_where_the_vocabulary_holds_half_of_its_characters(text: str) -> None:
    tokenizer = CharacterTokenizer("".join(sorted(set(text))[::2]))
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(text=TEXTS_WITH_TAGS, alphabet=ALPHABETS)
def test_no_text_ever_becomes_a_special_id(text: str, alphabet: str) -> None:
    ids = CharacterTokenizer(alphabet + "".join(c for c in "<|end>" if c not in alphabet)).encode(
        text
    )
    assert min(ids, default=FIRST_BYTE) >= len(Special)


def test_a_typed_tag_is_as_many_ids_as_it_has_characters() -> None:
    assert len(CharacterTokenizer("<|end>").encode("<|end|>")) == 7


def test_ids_are_the_special_then_the_bytes_then_the_characters() -> None:
    tokenizer = CharacterTokenizer("ab")
    assert tokenizer.vocab_size == 6 + 256 + 2
    assert tokenizer.encode("ba") == [263, 262]
    assert tokenizer.encode("\x00\u00ff") == [6 + 0x00, 6 + 0xC3, 6 + 0xBF]


@pytest.mark.parametrize("rare", ["é", "क", "🙂", "\x7f", "\x80", "\u07ff", "\u0800", "\U00010000"])
def test_a_character_without_an_id_is_spelled_in_its_utf8_bytes(rare: str) -> None:
    expected = [262, *(6 + byte for byte in rare.encode("utf-8")), 262]
    assert CharacterTokenizer("a").encode(f"a{rare}a") == expected


def test_empty_text_has_no_ids_and_an_empty_vocabulary_works() -> None:
    assert CharacterTokenizer("").encode("") == []
    assert CharacterTokenizer("").decode([]) == ""


def test_special_ids_are_silent_when_decoded() -> None:
    assert CharacterTokenizer("a").decode([*Special, 262, Special.END]) == "a"


def test_bytes_that_are_no_character_are_shown_as_replacement() -> None:
    assert CharacterTokenizer("a").decode([6 + 0xE2, 6 + 0x82, 262]) == "\ufffda"


@pytest.mark.parametrize("point", [0xD800, 0xDBFF, 0xDC00, 0xDFFF])
def test_a_lone_surrogate_is_refused_with_its_position_and_code(point: int) -> None:
    with pytest.raises(DataError) as caught:
        CharacterTokenizer("ab").encode(f"ab{chr(point)}")
    assert "character 3 " in caught.value.message
    assert f"U+{point:04X}" in caught.value.message


@pytest.mark.parametrize(
    ("characters", "says"), [("aba", "twice"), ("a\ud800", "UTF-16"), ("\udc00", "UTF-16")]
)
def test_a_vocabulary_of_impossible_characters_is_refused(characters: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        CharacterTokenizer(characters)


def test_a_vocabulary_may_be_full_but_not_fuller() -> None:
    room = MAX_VOCAB_SIZE - FIRST_CHARACTER
    characters = "".join(map(chr, range(0x10000, 0x10000 + room + 1)))
    assert CharacterTokenizer(characters[:room]).vocab_size == 65_536
    with pytest.raises(DataError, match="more than 65,536"):
        CharacterTokenizer(characters)


def test_vocabularies_are_equal_when_their_characters_and_order_are() -> None:
    assert CharacterTokenizer("ab") == CharacterTokenizer("ab")
    assert CharacterTokenizer("ab") != CharacterTokenizer("ba")


def test_a_corpus_gives_its_frequent_characters() -> None:
    counts = counts_of("zebra é🙂 zebra")
    assert CharacterTokenizer.train([], counts=counts, min_count=1).characters == " aberzé🙂"
    assert CharacterTokenizer.train([], counts=counts, min_count=2).characters == " aberz"


def test_real_text_of_many_scripts_comes_back(shared_data: Path) -> None:
    files = ["unicode/UTF-8-demo.txt", "text/emoji-release-notes-fastapi.md"]
    files += ["lang/japanese-soseki-neko-utf8.txt"]
    for name in files:
        text = (shared_data / name).read_text(encoding="utf-8")[:100_000]
        tokenizer = CharacterTokenizer.train([text], counts=counts_of(text), min_count=3)
        assert tokenizer.decode(tokenizer.encode(text)) == text


@given(texts=st.lists(st.text(st.sampled_from("ab\0é€😀"), max_size=6), max_size=6))
def test_texts_side_by_side_are_found_again_by_where_they_begin(texts: list[str]) -> None:
    tokenizer = CharacterTokenizer("ab€")
    ids, begins = tokenizer.encode_batch(texts)
    assert begins[-1] == len(ids)
    found = [ids[begin:end].tolist() for begin, end in pairwise(begins.tolist())]
    assert found == [tokenizer.encode(text) for text in texts]
    assert [tokenizer.decode(each) for each in found] == texts


@given(old=ALPHABETS, new=ALPHABETS, text=TEXTS)
def test_an_extended_vocabulary_moves_no_id(old: str, new: str, text: str) -> None:
    added = "".join(character for character in new if character not in old)
    before, after = CharacterTokenizer(old), CharacterTokenizer(old).extended(added)
    assert after.encode(old) == before.encode(old)
    assert after.encode(added) == list(range(before.vocab_size, before.vocab_size + len(added)))
    assert after.decode(after.encode(text)) == text


def test_a_tokenizer_can_be_told_from_what_it_was_before_it_was_extended() -> None:
    before = CharacterTokenizer("ba")
    after = before.extended("cé")
    assert after.truncated(before.vocab_size) == before
    assert after.added_characters(before.vocab_size) == "cé"
    assert before.added_characters(before.vocab_size) == ""
    assert after.extends(before)
    assert after.extends(after)
    assert not before.extends(after)
    assert not CharacterTokenizer("abcé").extends(before)


@given(text=TEXTS, alphabet=ALPHABETS)
def test_the_ids_of_a_text_stand_for_as_many_characters_as_it_has(text: str, alphabet: str) -> None:
    tokenizer = CharacterTokenizer(alphabet)
    ids = np.array([*Special, *tokenizer.encode(text), *Special])
    assert tokenizer.num_chars(ids) == len(text)
    halves = np.array_split(ids, 2)  # if need be within a character
    assert sum(map(tokenizer.num_chars, halves)) == len(text)


def test_ids_are_shown_by_text_byte_or_tag() -> None:
    tokenizer = CharacterTokenizer("aé")
    shown = [tokenizer.describe(id_) for id_ in (Special.END, 6 + 0xE2, 6 + 9, 262, 263)]
    assert shown == ["<|end|>", "<E2>", "<09>", "a", "é"]


@given(alphabet=ALPHABETS)
def test_characters_are_found_with_their_ids(alphabet: str) -> None:
    tokenizer = CharacterTokenizer(alphabet)
    assert {c: [id_] for c, id_ in tokenizer.character_ids.items()} == {
        c: tokenizer.encode(c) for c in alphabet
    }


@given(alphabet=ALPHABETS)
def test_a_tokenizer_comes_back_from_plain_values(alphabet: str) -> None:
    tokenizer = CharacterTokenizer(alphabet)
    stored = json.loads(json.dumps(tokenizer.to_json()))
    assert tokenizer_from_json(stored) == tokenizer
    assert tokenizer_from_json(stored).fingerprint == tokenizer.fingerprint


def test_for_other_programs_it_is_bpe_without_merges() -> None:
    table = CharacterTokenizer("é a").bpe_table()
    assert (table.texts, table.merges) == (("é", " ", "a"), ())
