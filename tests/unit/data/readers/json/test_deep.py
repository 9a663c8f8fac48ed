"""JSON of any depth, parsed as the standard parser would."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.data.readers.json.deep import parse_deep
from tests.unit.data.reading import JSON


@given(JSON, st.booleans())
def test_deep_parsing_gives_what_the_standard_parser_gives(value: Any, spread_out: bool) -> None:
    assert parse_deep(json.dumps(value, indent=2 if spread_out else None)) == value


@given(st.text(alphabet='[]{}":,\\ntrue01 ', max_size=30))
def test_deep_parsing_refuses_what_the_standard_parser_refuses(text: str) -> None:
    try:
        expected = json.JSONDecoder(strict=False).decode(text)
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011  any of them
            parse_deep(text)
    else:
        assert parse_deep(text) == expected
