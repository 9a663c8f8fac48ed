"""No control character reaches a terminal."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.io.terminal_text import strip_controls


def test_escape_sequences_lose_their_power() -> None:
    assert strip_controls("\x1b[31mred\x1b]0;title\x07\x9b2J\x00\r\x7f") == "[31mred]0;title2J"


def test_lines_and_indentation_stay() -> None:
    assert strip_controls("a\n\tb\n\n  c  ") == "a\n\tb\n\n  c  "


@given(st.text())
def test_all_but_controls_stays(text: str) -> None:
    """By a second method: Unicode's own category Cc."""
    expected = [c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc"]
    assert strip_controls(text) == "".join(expected)
