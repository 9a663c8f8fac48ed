"""Chats with characters: a header, then a message a line."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.data.reading import as_json_lines, issues, read, said

HEADER = {
    "user_name": "Ann",
    "character_name": "Robin",
    "create_date": "2025-1-1@10h00m00s",
    "chat_metadata": {"note_prompt": "", "integrity": "0-0"},
}


def line(name: str, text: object, **fields: Any) -> dict[str, Any]:
    rest = {"is_system": False, "send_date": "January 1, 2025 10:00am", "extra": {}}
    return {"name": name, "is_user": name == "Ann", "mes": text, **rest, **fields}


CHAT = [
    HEADER,
    line("Robin", "Hi, I am Robin."),
    line("Ann", "Hello"),
    line("Robin", "*waves*"),
]
SAID = [("bot", "Hi, I am Robin."), ("user", "Hello"), ("bot", "*waves*")]


def test_a_file_is_one_conversation(tmp_path: Path) -> None:
    path = as_json_lines(tmp_path, CHAT)
    [document], report = read(path)
    assert said(document) == SAID
    assert report.formats[path] == {"sillytavern": 4}
    assert issues(report) == {}


def test_each_header_begins_a_conversation(tmp_path: Path) -> None:
    group = {"chat_metadata": {"tainted": True}}
    documents, _ = read(as_json_lines(tmp_path, [*CHAT, group, *CHAT[1:]]))
    assert [said(document) for document in documents] == [SAID, SAID]


def test_a_group_chat_needs_no_header(tmp_path: Path) -> None:
    lines = [line("Ann", "Hello"), line("Robin", "Hi!"), line("Finch", "Hey.")]
    [document], _ = read(as_json_lines(tmp_path, lines))
    assert said(document) == [("user", "Hello"), ("bot", "Hi!"), ("bot", "Hey.")]


def test_what_is_hidden_or_swiped_away_is_counted(tmp_path: Path) -> None:
    lines = [
        HEADER,
        line("Ann", "Hello"),
        line("Robin", "Hi!", swipes=["Hey.", "Hi!", "Good day."], swipe_id=1),
        line("Ann", "Never mind", is_system=True),
        line("Robin", "", extra={"image": "/a.png"}),
        line("Robin", "Bye!", extra={"reasoning": "She is leaving.", "api": "x"}),
    ]
    [document], report = read(as_json_lines(tmp_path, lines))
    assert said(document) == [("user", "Hello"), ("bot", "Hi!"), ("bot", "Bye!")]
    assert issues(report) == {
        "a reply that was swiped away": 2,
        "a message that is hidden from the bot": 1,
        "a picture in a message": 1,
        "a message without text": 1,
        "what the bot thought before it spoke": 1,
    }


def test_a_narrator_is_the_system_and_texts_may_be_wrapped(tmp_path: Path) -> None:
    lines = [
        line("System", "It rains.", extra={"type": "narrator"}),
        line("Robin", {"message": "Hi!"}, swipes=[{"message": "Hi!"}]),
    ]
    [document], report = read(as_json_lines(tmp_path, lines))
    assert said(document) == [("system", "It rains."), ("bot", "Hi!")]
    assert issues(report) == {}


@pytest.mark.parametrize("text", [None, 7, [], {"message": []}])
def test_a_message_that_is_no_text_is_skipped(tmp_path: Path, text: object) -> None:
    [document], report = read(
        as_json_lines(tmp_path, [*CHAT, line("Robin", text, swipes=7, extra=7)]), allow_skips=True
    )
    assert said(document) == SAID
    assert report.skipped.total == 1
