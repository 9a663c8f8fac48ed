"""Claude's conversations.json."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.data.reading import HELLO, as_array, counts, issues, read, read_row, said

ROOT = "00000000-0000-4000-8000-000000000000"


def turn(sender: str, *blocks: object, **fields: Any) -> dict[str, Any]:
    """Return a message as the export writes it; texts stand for blocks of text."""
    content = [
        {"start_timestamp": None, "type": "text", "text": block, "citations": []}
        if isinstance(block, str)
        else block
        for block in blocks
    ]
    text = "\n\n".join(block for block in blocks if isinstance(block, str))
    rest = {"created_at": "2025-01-01T10:00:00.000000Z", "attachments": [], "files": []}
    return {"uuid": text, "text": text, "content": content, "sender": sender, **rest, **fields}


def conversation(*turns: dict[str, Any], **fields: Any) -> dict[str, Any]:
    rest = {"uuid": "c", "name": "A greeting", "account": {"uuid": "a"}, "summary": ""}
    return {**rest, "chat_messages": list(turns), **fields}


def test_messages_are_read_by_their_blocks_of_text(tmp_path: Path) -> None:
    row = conversation(turn("human", "Hello"), turn("assistant", "Hi!"))
    path = as_array(tmp_path, [row])
    [document], report = read(path)
    assert said(document) == HELLO
    assert report.formats[path] == {"claude": 1}
    assert issues(report) == {}


def test_an_old_export_without_blocks_is_read(tmp_path: Path) -> None:
    turns = [{"sender": "human", "text": "Hello"}, {"sender": "assistant", "text": "Hi!"}]
    assert said(read_row(tmp_path, conversation(*turns))[0]) == HELLO


def test_thoughts_tools_and_files_are_counted(tmp_path: Path) -> None:
    asked = turn(
        "human",
        "Hello",
        attachments=[{"file_name": "a.txt", "extracted_content": "Once."}, {"file_name": "b.bin"}],
        files=[{"file_name": "c.png"}],
    )
    said_back = turn(
        "assistant",
        {"type": "thinking", "thinking": "A greeting.", "summaries": []},
        "Let me look.",
        {"type": "tool_use", "name": "search", "input": {}},
        {"type": "tool_result", "name": "search", "content": [{"type": "text", "text": "x"}]},
        {"type": "token_budget"},
        "Hi!",
        {"type": "hologram"},
    )
    document, report = read_row(tmp_path, conversation(asked, said_back))
    assert said(document) == [("user", "Hello"), ("bot", "Let me look.\n\nHi!")]
    assert issues(report) == {
        "the text of a file beside a message": 1,
        "a file beside a message": 2,
        "what the bot thought before it spoke": 1,
        "a message calls a tool or is what a tool said": 2,
        "a part of a message is no text": 1,
    }


def test_the_placeholder_for_blocks_that_are_not_shown_is_no_text(tmp_path: Path) -> None:
    block = "```\nThis block is not supported on your current device yet.\n```"
    turns = [turn("human", "Hello"), {"sender": "assistant", "text": f"Hi!\n{block}"}]
    assert said(read_row(tmp_path, conversation(*turns))[0]) == HELLO


def branched(**fields: Any) -> dict[str, Any]:
    return conversation(
        turn("human", "Hello", parent_message_uuid=ROOT),
        turn("assistant", "Hi!", parent_message_uuid="Hello", created_at="2025-01-01T10:00:01Z"),
        turn("assistant", "Hey.", parent_message_uuid="Hello", created_at="2025-01-01T10:00:05Z"),
        **fields,
    )


@pytest.mark.parametrize(
    ("fields", "reply"), [({}, "Hey."), ({"current_leaf_message_uuid": "Hi!"}, "Hi!")]
)
def test_the_branch_that_the_program_shows_is_read(
    tmp_path: Path, fields: dict[str, Any], reply: str
) -> None:
    document, report = read_row(tmp_path, branched(**fields))
    assert said(document) == [("user", "Hello"), ("bot", reply)]
    assert issues(report) == {"a message of a branch that was not gone on with": 1}


ROWS_OF_THE_ACCOUNT = [
    {"uuid": "u", "full_name": "Ann", "email_address": "ann@example.org"},
    {
        "uuid": "p",
        "name": "Notes",
        "description": "My notes on it",
        "prompt_template": "",
        "docs": [],
    },
    {"conversations_memory": "She likes tea.", "project_memories": {}, "account_uuid": "u"},
    conversation(),
]


@pytest.mark.parametrize("row", ROWS_OF_THE_ACCOUNT)
def test_what_else_an_export_holds_does_not_count_as_damage(
    tmp_path: Path, row: dict[str, Any]
) -> None:
    good = conversation(turn("human", "Hello"), turn("assistant", "Hi!"))
    _, report = read(as_array(tmp_path, [good, row]))
    assert sum(counts(report.left_out).values()) == 1
    assert report.skipped.total == 0


WICKED = [
    {"chat_messages": None},
    {"chat_messages": [7, {}, {"sender": [], "content": [{"type": []}, 7], "text": {}}]},
    {"chat_messages": [{"sender": "human", "content": "Hello", "attachments": 7}]},
    {"chat_messages": [{"uuid": "a", "parent_message_uuid": "a", "sender": 7, "text": "a"}] * 2},
]


@pytest.mark.parametrize("row", WICKED)
def test_no_damaged_conversation_breaks_the_reading(tmp_path: Path, row: dict[str, Any]) -> None:
    good = conversation(turn("human", "Hello"), turn("assistant", "Hi!"))
    documents, _ = read(as_array(tmp_path, [good, row]), allow_skips=True)
    assert said(documents[0]) == HELLO
