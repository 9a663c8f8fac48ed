"""Lines that break between words while they come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from lumina_cli.cli.terminal.word_wrap import WordWrap


def wrapped(pieces: list[str], *, width: int, column: int = 0) -> str:
    wrap = WordWrap(width, column=column)
    return "".join(map(wrap.feed, pieces)) + wrap.end()


@pytest.mark.parametrize("pieces", [["one two three four"], list("one two three four")])
def test_a_line_breaks_before_the_word_that_is_too_long_for_it(pieces: list[str]) -> None:
    assert wrapped(pieces, width=9).splitlines() == ["one two ", "three ", "four"]


def test_the_first_line_has_room_for_a_label() -> None:
    assert wrapped(["one two"], width=9, column=5) == "one\ntwo"


def test_a_word_that_just_fits_is_followed_by_no_space_on_the_next_line() -> None:
    assert wrapped(["one four five"], width=8) == "one four\nfive"


def test_lines_of_the_text_stay() -> None:
    assert wrapped(["one\ntwo\n\nthree"], width=20) == "one\ntwo\n\nthree"


def test_a_script_without_spaces_comes_as_it_is() -> None:
    assert wrapped(["吾輩は猫である名前はまだ無い"], width=10).replace("\n", "") == (
        "吾輩は猫である名前はまだ無い"
    )


@given(st.lists(st.text("ab cd\n", max_size=5), max_size=40), st.integers(8, 30))
def test_no_word_is_lost_or_broken_and_no_line_is_too_long(pieces: list[str], width: int) -> None:
    text, shown = "".join(pieces), wrapped(pieces, width=width)
    assert shown.split() == text.split() or any(len(word) >= width for word in text.split())
    short = all(len(word) < width for word in text.split())
    assert not short or max(map(cell_len, shown.split("\n"))) <= width
