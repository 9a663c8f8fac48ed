"""Code points: those of a text, and which are worth an id."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.tokenizer.code_points import (
    NUM_CODE_POINTS,
    Counts,
    code_points,
    frequent_characters,
    most_frequent,
    new_characters,
)
from lumina_cli.tokenizer.special_ids import FIRST_CHARACTER, MAX_VOCAB_SIZE

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def counts_of(text: str) -> Counts:
    """Count by the other way: one character at a time."""
    counts = np.zeros(NUM_CODE_POINTS, dtype=np.int64)
    for character in text:
        counts[ord(character)] += 1
    return counts


@given(text=TEXTS)
def test_code_points_are_those_of_ord(text: str) -> None:
    assert code_points(text).tolist() == [ord(character) for character in text]


def test_a_corpus_gives_its_characters_by_code_point() -> None:
    assert frequent_characters(counts_of("zebra é🙂"), min_count=1) == " aberzé🙂"


def test_a_character_seen_too_seldom_gets_no_id() -> None:
    assert frequent_characters(counts_of("aabbbc"), min_count=2) == "ab"


def test_a_character_never_seen_gets_no_id_whatever_the_minimum() -> None:
    assert frequent_characters(counts_of("a"), min_count=0) == "a"


def test_beyond_the_cap_the_most_frequent_stay_and_of_equals_the_lower() -> None:
    room = MAX_VOCAB_SIZE - FIRST_CHARACTER
    counts = np.zeros(NUM_CODE_POINTS, dtype=np.int64)
    counts[0x10000 : 0x10000 + room + 2] = 5  # two more than there is room for
    counts[0x10000] = 3  # the rarest goes
    characters = frequent_characters(counts, min_count=1)
    assert characters == "".join(map(chr, range(0x10001, 0x10001 + room)))


def test_new_characters_are_those_that_are_not_known() -> None:
    counts = counts_of("abcabczzé日日日")
    assert new_characters(counts, known="cba") == {"z": 2, "é": 1, "日": 3}
    assert counts[ord("a")] == 2  # what was given is left as it is


def test_the_most_frequent_are_taken_in_the_order_of_their_code_points() -> None:
    counts = {"a": 5, "z": 9, "é": 2, "日": 9, "本": 5}
    assert most_frequent(counts, min_count=3, most=9) == "az日本"
    assert most_frequent(counts, min_count=1, most=3) == "az日"
    assert most_frequent(counts, min_count=1, most=0) == ""
