"""Characters to ids and back."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.errors import DataError
from lumina_cli.tokenizer.characters import (
    NUM_CODE_POINTS,
    CharacterTokenizer,
    Counts,
    code_points,
    most_frequent,
    newcomers,
    vocabulary_from_counts,
)
from lumina_cli.tokenizer.special_ids import FIRST_BYTE, FIRST_CHARACTER, MAX_VOCAB_SIZE, Special

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
ALPHABETS = st.lists(st.characters(exclude_categories=["Cs"]), unique=True).map("".join)
TAGS = [special.tag for special in Special]
TEXTS_WITH_TAGS = st.lists(st.one_of(TEXTS, st.sampled_from(TAGS))).map("".join)


def counts_of(text: str) -> Counts:
    """Count by the other way: one character at a time."""
    counts = np.zeros(NUM_CODE_POINTS, dtype=np.int64)
    for character in text:
        counts[ord(character)] += 1
    return counts


@given(text=TEXTS, alphabet=ALPHABETS)
def test_any_text_comes_back_from_its_ids_whatever_the_vocabulary(text: str, alphabet: str) -> None:
    tokenizer = CharacterTokenizer(alphabet)
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(text=TEXTS)
def test_text_comes_back_where_the_vocabulary_holds_half_of_its_characters(text: str) -> None:
    tokenizer = CharacterTokenizer("".join(sorted(set(text))[::2]))
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(text=TEXTS_WITH_TAGS, alphabet=ALPHABETS)
def test_no_text_ever_becomes_a_reserved_id(text: str, alphabet: str) -> None:
    ids = CharacterTokenizer(alphabet + "".join(c for c in "<|end>" if c not in alphabet)).encode(
        text
    )
    assert min(ids, default=FIRST_BYTE) >= len(Special)


def test_a_typed_tag_is_as_many_ids_as_it_has_characters() -> None:
    assert len(CharacterTokenizer("<|end>").encode("<|end|>")) == 7


def test_ids_are_the_reserved_then_the_bytes_then_the_characters() -> None:
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


def test_reserved_ids_are_silent_when_decoded() -> None:
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


@given(text=TEXTS)
def test_code_points_are_those_of_ord(text: str) -> None:
    assert code_points(text).tolist() == [ord(character) for character in text]


def test_a_corpus_gives_its_characters_by_code_point() -> None:
    assert vocabulary_from_counts(counts_of("zebra é🙂"), min_count=1).characters == " aberzé🙂"


def test_a_character_seen_too_seldom_gets_no_id() -> None:
    assert vocabulary_from_counts(counts_of("aabbbc"), min_count=2).characters == "ab"


def test_a_character_never_seen_gets_no_id_whatever_the_minimum() -> None:
    assert vocabulary_from_counts(counts_of("a"), min_count=0).characters == "a"


def test_beyond_the_cap_the_most_frequent_stay_and_of_equals_the_lower() -> None:
    room = MAX_VOCAB_SIZE - FIRST_CHARACTER
    counts = np.zeros(NUM_CODE_POINTS, dtype=np.int64)
    counts[0x10000 : 0x10000 + room + 2] = 5  # two more than there is room for
    counts[0x10000] = 3  # the rarest goes
    characters = vocabulary_from_counts(counts, min_count=1).characters
    assert characters == "".join(map(chr, range(0x10001, 0x10001 + room)))


def test_real_text_of_many_scripts_comes_back(shared_data: Path) -> None:
    files = ["unicode/UTF-8-demo.txt", "text/emoji-release-notes-fastapi.md"]
    files += ["lang/japanese-soseki-neko-utf8.txt"]
    for name in files:
        text = (shared_data / name).read_text(encoding="utf-8")[:100_000]
        tokenizer = vocabulary_from_counts(counts_of(text), min_count=3)
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


def test_newcomers_are_the_characters_without_an_id() -> None:
    counts = counts_of("abcabczzé日日日")
    assert newcomers(counts, tokenizer=CharacterTokenizer("cba")) == {"z": 2, "é": 1, "日": 3}
    assert counts[ord("a")] == 2  # what was given is left as it is


def test_the_most_frequent_are_taken_in_the_order_of_their_code_points() -> None:
    counts = {"a": 5, "z": 9, "é": 2, "日": 9, "本": 5}
    assert most_frequent(counts, min_count=3, most=9) == "az日本"
    assert most_frequent(counts, min_count=1, most=3) == "az日"
    assert most_frequent(counts, min_count=1, most=0) == ""
