"""The split into words: nothing is lost, digits stand alone, no word is long."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.tokenizer.bpe.words import MAX_WORD_CHARS, PATTERN, split_words

CODE_POINTS = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]
ODD = "aé日1٣ \n\t\r'’.-_🙂\u200d\u3000\0(क्"


def test_every_code_point_is_in_a_word() -> None:
    text = "".join(CODE_POINTS)
    assert "".join(split_words(text)) == text
    assert all(split_words(character) == [character] for character in CODE_POINTS)


def test_no_text_is_lost_at_a_split_and_no_word_is_long() -> None:
    rng = random.Random(0)
    for _ in range(3_000):
        letters = rng.choices(ODD, k=rng.randint(0, 120))
        text = "".join(rng.choice(CODE_POINTS) if rng.random() < 0.2 else c for c in letters)
        words = split_words(text)
        assert "".join(words) == text
        assert max(map(len, words), default=0) <= MAX_WORD_CHARS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The cat sat.", ["The", " cat", " sat", "."]),
        ("I don't, he’ll", ["I", " don't", ",", " he’ll"]),
        ("'quoted' (so)", ["'", "quoted", "'", " (", "so", ")"]),
        ("12 + 345", ["1", "2", " +", " ", "3", "4", "5"]),
        ("x1y", ["x", "1", "y"]),
        ("٣٤", ["٣", "٤"]),
        ("a   b", ["a", "  ", " b"]),
        ("a   ", ["a", "   "]),
        ("    return 0\n\n", ["   ", " return", " ", "0", "\n\n"]),
        ("a\r\n\tb", ["a", "\r\n\t", "b"]),
        ("wait... what?!", ["wait", "...", " what", "?!"]),
        ("snake_case", ["snake", "_", "case"]),
        ("吾輩は猫である。名前", ["吾輩は猫である", "。", "名前"]),
        ("नमस्ते।", ["नमस्ते", "।"]),
        ("hi 🙂🙂", ["hi", " 🙂🙂"]),
        ("", []),
    ],
)
def test_words_are_letters_with_their_space_marks_and_single_digits(
    text: str, words: list[str]
) -> None:
    assert split_words(text) == words


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_digit_stands_alone(text: str) -> None:
    for word in split_words(text):
        assert len(word) == 1 or not re.search("[0-9]", word)


def test_a_long_run_takes_time_as_its_length_does() -> None:
    """A pattern that goes back over the whole run for each place would not end here."""
    for run in ("a", " ", "'", "\n", "a'", " \n", ". "):
        text = run * 100_000
        assert "".join(split_words(text)) == text


def test_the_pattern_names_no_property_of_unicode_which_change_with_its_version() -> None:
    assert not re.search(r"\\[pPwWdDsSbB]|\[:", PATTERN)
