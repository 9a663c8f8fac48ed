"""No control character reaches a terminal, and nothing shows characters in another order."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.io.terminal_text import one_line, strip_controls

REORDERING = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
"""Classes of bidirectional characters that embed, override or isolate."""


def test_escape_sequences_lose_their_power() -> None:
    assert strip_controls("\x1b[31mred\x1b]0;title\x07\x9b2J\x00\r\x7f") == "[31mred]0;title2J"


def test_lines_and_indentation_stay() -> None:
    assert strip_controls("a\n\tb\n\n  c  ") == "a\n\tb\n\n  c  "


@given(st.text())
def test_all_but_controls_stays(text: str) -> None:
    """By a second method: Unicode's own category Cc and its bidirectional classes."""
    expected = [
        c
        for c in text
        if c in "\n\t"
        or (unicodedata.category(c) != "Cc" and unicodedata.bidirectional(c) not in REORDERING)
    ]
    assert strip_controls(text) == "".join(expected)


@pytest.mark.parametrize(
    "text",
    [
        "نمی\u200cخواهم",
        "क्\u200dष",
        "👩\u200d👩\u200d👧",
        "❤\ufe0f",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "\u200fשלום\u200e",
    ],
)
def test_what_scripts_and_emoji_need_stays(text: str) -> None:
    assert strip_controls(text) == text


def test_a_name_does_not_seem_to_end_in_another_suffix() -> None:
    assert strip_controls("holiday\u202egpj.exe") == "holidaygpj.exe"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_one_line_stays_one_line(end: str) -> None:
    assert one_line(f"x.txt{end}error: all is lost") == "x.txt error: all is lost"


def test_one_line_has_nothing_that_is_not_seen() -> None:
    assert one_line("a\u200bb\u2060c\ufeffd\U000e0041e") == "abcde"


@pytest.mark.parametrize("length", [499, 500, 501, 10_000_000])
def test_a_long_line_is_cut_in_its_middle(length: int) -> None:
    line = one_line("a" * (length - 5) + " gone")
    assert len(line) == min(length, 500)
    assert line.startswith("aaa")
    assert line.endswith("a gone")
    assert ("…" in line) == (length > 500)


@given(st.text(), st.integers(2, 20))
def test_one_line_is_never_longer_than_asked(text: str, max_chars: int) -> None:
    line = one_line(text, max_chars=max_chars)
    assert len(line) <= max_chars
    assert "\n" not in line
