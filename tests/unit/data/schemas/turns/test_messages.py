"""Rows with a list of messages, under its many names."""

from pathlib import Path

import pytest

from tests.unit.data.reading import HELLO, TURNS, issues, read_row, said


@pytest.mark.parametrize("key", ["conversation", "turns", "utterances", "dialogue", "dialog"])
def test_the_list_of_messages_has_many_names(tmp_path: Path, key: str) -> None:
    assert said(read_row(tmp_path, {key: TURNS})[0]) == HELLO


def test_contents_with_parts_are_read(tmp_path: Path) -> None:
    turns = [
        {"role": "user", "parts": [{"text": "Hello"}]},
        {"role": "model", "parts": [{"text": "Hi!"}]},
    ]
    assert said(read_row(tmp_path, {"contents": turns})[0]) == HELLO


def test_turns_without_speakers_are_taken_in_turn_and_told(tmp_path: Path) -> None:
    document, report = read_row(tmp_path, {"id": "1", "data": ["Hello", "Hi!"]})
    assert said(document) == HELLO
    assert issues(report) == {"its turns name no speaker; user and bot are taken in turn": 1}
