"""Merges of many words at once are those of each word, one after the other."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.tokenizer.bpe.merges import MergeTable
from tests.unit.tokenizer.bpe.plain import merged

LETTERS = "abcd"


def merge_all(words: list[str], merges: list[tuple[str, str]]) -> list[list[str]]:
    """Return the pieces of words, by the table; ids are places in a list of texts."""
    texts = [*LETTERS, *(left + right for left, right in merges)]
    pairs = [(texts.index(left), texts.index(right)) for left, right in merges]
    table = MergeTable(pairs, first_id=len(LETTERS))
    ids = np.array([LETTERS.index(letter) for word in words for letter in word], dtype=np.int32)
    begins = np.cumsum([0, *map(len, words)])
    found, places = table.merge(ids, begins)
    return [
        [texts[id_] for id_ in found[begin:end].tolist()]
        for begin, end in pairwise(places.tolist())
    ]


@st.composite
def tables(draw: st.DrawFn) -> list[tuple[str, str]]:
    texts, merges = list(LETTERS), []
    for _ in range(draw(st.integers(0, 12))):
        pair = draw(st.sampled_from(texts)), draw(st.sampled_from(texts))
        if "".join(pair) not in texts:
            texts.append("".join(pair))
            merges.append(pair)
    return merges


@given(words=st.lists(st.text(LETTERS, max_size=14), max_size=8), merges=tables())
def test_words_together_are_merged_as_each_is_alone(
    words: list[str], merges: list[tuple[str, str]]
) -> None:
    assert merge_all(words, merges) == [merged(list(word), merges) for word in words]


@pytest.mark.parametrize(
    ("word", "pieces"),
    [
        ("aaa", ["aa", "a"]),
        ("aaaa", ["aa", "aa"]),
        ("aaaaa", ["aa", "aa", "a"]),
        ("ba", ["b", "a"]),
    ],
)
def test_what_overlaps_is_merged_from_the_left(word: str, pieces: list[str]) -> None:
    assert merge_all([word, word], [("a", "a")]) == [pieces, pieces]


def test_a_merge_learnt_earlier_comes_first_wherever_it_stands() -> None:
    merges = [("b", "c"), ("a", "b"), ("ab", "c")]
    assert merge_all(["abc", "ab", "abcab"], merges) == [["a", "bc"], ["ab"], ["a", "bc", "ab"]]


def test_words_are_not_merged_with_each_other() -> None:
    assert merge_all(["a", "b", "", "ab"], [("a", "b")]) == [["a"], ["b"], [], ["ab"]]


def test_the_ids_it_is_given_stay_as_they_are() -> None:
    ids = np.array([0, 0], dtype=np.int32)
    MergeTable([(0, 0)], first_id=4).merge(ids, np.array([0, 2]))
    assert ids.tolist() == [0, 0]
