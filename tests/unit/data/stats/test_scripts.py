"""The script of each character."""

import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.data.stats.scripts import script_of


@pytest.mark.parametrize(
    ("character", "script"),
    [
        ("a", "Latin"),
        ("é", "Latin"),
        ("ж", "Cyrillic"),
        ("ω", "Greek"),
        ("日", "Han"),
        ("あ", "Hiragana"),
        ("ア", "Katakana"),
        ("한", "Hangul"),
        ("ש", "Hebrew"),
        ("ع", "Arabic"),
        ("क", "Devanagari"),
        ("ி", "Tamil"),
        ("က", "Myanmar"),
        ("7", "digits"),
        (".", "punctuation"),
        ("😀", "symbols and emoji"),
        (" ", "spaces"),
        ("\n", "spaces"),
        ("\x00", "control and unassigned"),
        ("\u0301", "other letters"),
        ("ａ", "other letters"),
    ],
)
def test_scripts_have_their_names(character: str, script: str) -> None:
    assert script_of(character) == script


@given(st.characters())
def test_every_character_is_of_some_script(character: str) -> None:
    assert script_of(character)


def test_all_ascii_letters_are_latin() -> None:
    assert {script_of(letter) for letter in string.ascii_letters} == {"Latin"}
    assert unicodedata.name("a").startswith("LATIN")
