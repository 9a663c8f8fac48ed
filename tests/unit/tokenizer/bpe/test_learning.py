"""Merges learnt from texts; what the library counts is told by hand here."""

import subprocess
import sys

import pytest

from lumina_cli.errors import UsageError
from lumina_cli.tokenizer.bpe import learning
from lumina_cli.tokenizer.bpe.learning import MergeLearner, check_library
from lumina_cli.tokenizer.bpe.pieces import MAX_PIECE_CHARS, pieces_of

needs_library = pytest.mark.skipif(
    learning.find_spec(learning.LIBRARY) is None, reason="needs the package tokenizers"
)


@needs_library
def test_the_most_frequent_neighbours_are_merged_first() -> None:
    learner = MergeLearner(" abcn")
    merges = learner.learn(["ban ban ban", "can an"], num_merges=2)
    assert merges == [("a", "n"), ("b", "an")]  # an: 5 times; then b+an: 3, " "+b: 2
    assert learner.word_counts == {"ban": 1, " ban": 2, "can": 1, " an": 1}


@needs_library
def test_neighbours_that_are_met_once_are_not_merged() -> None:
    assert MergeLearner("abc").learn(["ab c"], num_merges=9) == []


@needs_library
def test_merges_cross_neither_words_nor_characters_without_an_id() -> None:
    texts = ["a.b 12 12 12 axb axb\0\0ab"] * 9
    merges = MergeLearner("ab.12\0").learn(texts, num_merges=50)
    assert pieces_of(merges, characters="ab.12\0") == ["ab"]


@needs_library
def test_no_piece_is_longer_than_it_may_be() -> None:
    merges = MergeLearner("ab").learn(["a" * 31 + " " + "ab" * 15] * 99, num_merges=500)
    pieces = pieces_of(merges, characters="ab")
    assert 8 < max(map(len, pieces)) <= MAX_PIECE_CHARS


@needs_library
def test_no_text_has_two_ids() -> None:
    text = "the thethe hethe eth heth thet " * 20 + "aaaa aaa aaaaaaa aaaaa " * 20
    merges = MergeLearner(" aeth").learn([text], num_merges=60)
    pieces_of(merges, characters=" aeth")  # refuses what is made twice


LEARN = """
import sys
from lumina_cli.tokenizer.bpe.learning import MergeLearner
words = [f"{a}{b}{c}" for a in "abcdef" for b in "ghij" for c in "klmn"]
print(MergeLearner(" abcdefghijklmn").learn([" ".join(words)] * 9, num_merges=80))
"""


@needs_library
def test_the_same_text_gives_the_same_merges_in_every_process() -> None:
    """Of neighbours that are equally frequent, too."""
    outputs = {
        subprocess.run([sys.executable, "-c", LEARN], capture_output=True, check=True).stdout
        for _ in range(2)
    }
    assert len(outputs) == 1
    assert outputs.pop().count(b"(") == 80


def test_a_missing_library_is_told_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "LIBRARY", "no_such_package")
    with pytest.raises(UsageError) as caught:
        check_library()
    assert caught.value.message == (
        "--tokenizer bpe needs the package no_such_package to learn from a text"
    )
    assert "pip install tokenizers" in caught.value.hint
