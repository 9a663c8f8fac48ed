"""The elements of a JSON array, one by one."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumina_cli.data.readers.json import elements as json_elements
from lumina_cli.errors import DataError
from tests.unit.data.reading import EXAMPLE, EXAMPLE_ROWS, JSON, counts, read, said, write_bytes


def test_a_bad_element_is_skipped_and_those_behind_it_are_read(tmp_path: Path) -> None:
    good = json.dumps(EXAMPLE_ROWS["pairs"][0])
    text = "[\n" + ",\n".join([good] * 30 + ['{"user": oops}', '{"user": "a"'] + [good] * 30) + "]"
    with pytest.raises(DataError):  # the one that is not closed swallows all behind it
        read(write_bytes(tmp_path / "x.json", text.encode()))
    text = "[\n" + ",\n".join([good] * 30 + ['{"user": oops}'] + [good] * 30) + "]"
    documents, report = read(write_bytes(tmp_path / "x.json", text.encode()))
    assert len(documents) == 60
    [(wording, issue)] = report.skipped
    assert (wording, issue.count, issue.first.line) == ("it is not JSON", 1, 32)


@pytest.mark.parametrize("end", [",\n]", "\n", "", ",", "]]", "]\n"])
def test_an_array_with_an_odd_end_gives_its_elements(tmp_path: Path, end: str) -> None:
    text = "[" + json.dumps(EXAMPLE_ROWS["pairs"][0]) + end
    documents, _ = read(write_bytes(tmp_path / "x.json", text.encode()), allow_skips=True)
    assert [said(document) for document in documents] == [EXAMPLE]


def test_an_array_cut_inside_an_element_counts_it(tmp_path: Path) -> None:
    text = json.dumps(EXAMPLE_ROWS["pairs"] * 40)[:-30]
    documents, report = read(write_bytes(tmp_path / "x.json", text.encode()))
    assert len(documents) == 39
    assert counts(report.skipped) == {"the last element was cut off": 1}


@given(st.lists(st.dictionaries(st.text(), JSON, min_size=1), max_size=12), st.integers(5, 60))
@settings(max_examples=30)
def test_arrays_come_apart_as_the_standard_parser_sees_them(
    values: list[Any], chunk_chars: int
) -> None:
    before, json_elements.CHUNK_CHARS = json_elements.CHUNK_CHARS, chunk_chars
    try:
        file = io.StringIO(json.dumps(values, indent=1))
        found = list(json_elements.elements(file, path=Path("x")))
    finally:
        json_elements.CHUNK_CHARS = before
    assert [json.loads(element.text) for element in found] == values
    lines = json.dumps(values, indent=1).split("\n")
    assert all(element.text.startswith(lines[element.line - 1].strip()) for element in found)
