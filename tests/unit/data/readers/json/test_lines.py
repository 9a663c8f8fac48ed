"""Lines many at a time are the lines of the file."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.data.readers.json import lines
from lumina_cli.data.readers.json.lines import line_blocks


@given(st.text("ab\n", max_size=40), st.integers(1, 9))
def test_all_lines_come_with_their_numbers(text: str, chunk_chars: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "CHUNK_CHARS", chunk_chars)
        blocks = list(line_blocks(io.StringIO(text)))
    numbered = [pair for block in blocks for pair in enumerate(block.lines, block.first)]
    expected = text.split("\n")
    if not expected[-1]:
        expected.pop()
    assert numbered == list(enumerate(expected, 1))
    assert [block.has_ends for block in blocks].count(False) == (text != "" and text[-1] != "\n")


@given(st.text("ab\n", max_size=40), st.integers(1, 9), st.integers(1, 9))
def test_a_line_that_is_too_long_stands_as_none(
    text: str, chunk_chars: int, most_chars: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "CHUNK_CHARS", chunk_chars)
        patch.setattr(lines, "MAX_ROW_CHARS", most_chars)
        blocks = list(line_blocks(io.StringIO(text)))
    found: dict[int, str | None] = {}
    for block in blocks:
        found |= {block.first: None} if block.is_too_long else {}
        found |= dict(enumerate(block.lines, block.first))
    expected = text.split("\n")
    if not expected[-1]:
        expected.pop()
    for number, line in enumerate(expected, 1):
        if len(line) >= most_chars + chunk_chars:
            assert found[number] is None
        if len(line) < most_chars:
            assert found[number] == line
    assert list(found) == list(range(1, len(expected) + 1))
