"""Rows that are plain texts."""

from pathlib import Path

import pytest

from lumina_cli.conversation import PlainText
from tests.unit.data.reading import as_array, as_json_lines, plain, read, read_row, write_rows


def test_documents_are_plain_texts_one_a_row(tmp_path: Path) -> None:
    rows = [{"text": "one\ntwo", "meta": 1}, {"text": "three"}]
    documents, _ = read(as_json_lines(tmp_path, rows))
    assert documents == [PlainText("one\ntwo"), PlainText("three")]


def test_strings_are_documents(tmp_path: Path) -> None:
    assert read(as_json_lines(tmp_path, ["one", "two"]))[0] == [PlainText("one"), PlainText("two")]
    assert read(as_array(tmp_path, ["one", "two"]))[0] == [PlainText("one"), PlainText("two")]


@pytest.mark.parametrize("key", ["text", "content", "story", "document"])
def test_documents_have_several_names(tmp_path: Path, key: str) -> None:
    assert read_row(tmp_path, {key: "once upon a time"})[0] == PlainText("once upon a time")


def test_plain_text_in_a_string_is_plain(tmp_path: Path) -> None:
    assert plain(read(write_rows(tmp_path / "x.jsonl", ["one", "two"]))[0]) == "onetwo"
