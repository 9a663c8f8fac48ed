"""Lines of events: whatever JSON they hold, and numbers that are none."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.recipes.run.report_page.event_lines import parse_line

TEXTS = st.text(st.characters(exclude_categories=()))  # halves of surrogate pairs among them
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
)


def cleaned(value: object) -> object:
    """Return a value without numbers that are infinite or none."""
    if isinstance(value, dict):
        return {key: cleaned(each) for key, each in value.items()}
    if isinstance(value, list):
        return [cleaned(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@given(VALUES | st.dictionaries(TEXTS, VALUES))
def test_a_line_is_read_as_it_was_written(value: object) -> None:
    assert parse_line(json.dumps(value).encode()) == cleaned(value)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "9" * 400 + ".0"])
def test_a_number_beyond_all_bounds_is_none(number: str) -> None:
    for holder, expected in (("{}", None), ("[{}]", [None]), ('{{"b": {}}}', {"b": None})):
        assert parse_line(f'{{"a": {holder.format(number)}}}'.encode()) == {"a": expected}


@pytest.mark.parametrize("line", [b"", b"{", b"\xff", b'{"a": 1} {', b"1" * 9_999, b"[" * 9_999])
def test_what_is_no_json_is_refused(line: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        parse_line(line)
