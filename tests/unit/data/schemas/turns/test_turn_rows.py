"""A message in each row, and speakers with names of their own."""

from pathlib import Path
from typing import Any

import pytest

from lumina_cli.conversation import PlainText
from tests.unit.data.reading import (
    HELLO,
    counts,
    issues,
    read,
    read_row,
    said,
    write_bytes,
    write_rows,
)

NAMES_TOLD = "its speakers have names: the first is read as the user, the next as the bot"


@pytest.mark.parametrize("role", ["role", "speaker", "from", "author", "agent", "sender"])
@pytest.mark.parametrize("text", ["content", "value", "text", "message", "utterance"])
@pytest.mark.parametrize("name", ["x.csv", "x.jsonl"])
def test_rows_have_the_names_that_lists_of_messages_have(
    tmp_path: Path, role: str, text: str, name: str
) -> None:
    rows = [{role: "User", text: "Hello"}, {role: "assistant", text: "Hi!"}] * 2
    if name == "x.csv":
        lines = [f"{role},{text}", *(",".join(row.values()) for row in rows)]
        path = write_bytes(tmp_path / name, "\n".join(lines).encode())
    else:
        path = write_rows(tmp_path / name, rows)
    documents, report = read(path)
    assert [said(document) for document in documents] == [HELLO, HELLO]
    assert issues(report) == {}


def test_parts_and_tools_are_read_as_in_lists(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
        {"role": "tool", "content": "18 degrees"},
        {"role": "assistant", "content": [{"type": "text", "text": "Hi!"}]},
    ]
    [document], report = read(write_rows(tmp_path / "x.jsonl", rows))
    assert said(document) == HELLO
    assert report.left_out.total == 1


@pytest.mark.parametrize("key", ["conversation_id", "dialog_id", "session_id"])
def test_a_conversation_ends_where_its_id_does(tmp_path: Path, key: str) -> None:
    turns = [("user", "a"), ("bot", "b"), ("user", "c"), ("bot", "d")]
    rows = [{key: n, "speaker": who, "text": text} for n in (1, 2) for who, text in turns]
    documents, _ = read(write_rows(tmp_path / "x.jsonl", rows))
    assert [said(document) for document in documents] == [turns, turns]


def test_speakers_with_names_are_user_and_bot_in_the_order_they_speak(tmp_path: Path) -> None:
    rows = [
        {"conversation_id": n, "speaker": who, "text": text}
        for n, first, second in [(1, "Ann", "Bo"), (2, "Bo", "Ann")]
        for who, text in [(first, "Hello"), (second, "Hi!")]
    ]
    documents, report = read(write_rows(tmp_path / "x.jsonl", rows))
    assert [said(document) for document in documents] == [HELLO, HELLO]
    assert counts(report.notices) == {NAMES_TOLD: 4}
    turns = [{"speaker": "Ann", "text": "Hello"}, {"speaker": "Bo", "text": "Hi!"}]
    document, report = read_row(tmp_path, {"dialogue": turns})
    assert said(document) == HELLO
    assert counts(report.notices) == {NAMES_TOLD: 1}


def test_a_name_beside_the_bot_is_a_user(tmp_path: Path) -> None:
    rows = [{"sender": "bot", "text": "Welcome"}, {"sender": "Ann", "text": "Hello"},
            {"sender": "bot", "text": "Hi!"}]  # fmt: skip
    documents, _ = read(write_rows(tmp_path / "x.jsonl", rows))
    assert [said(document) for document in documents] == [[("bot", "Welcome")], HELLO]


def test_a_text_with_an_author_stays_a_text(tmp_path: Path) -> None:
    row = {"author": "Jane Austen", "text": "It is a truth"}
    assert read_row(tmp_path, row)[0] == PlainText("It is a truth")


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (["see ", {"type": "bold", "text": "this"}, " now"], "see this now"),
        ([{"type": "plain", "text": "a"}, {"type": "link", "text": "b"}], "ab"),
        ([{"text": "streamed "}, {"text": "piece"}], "streamed piece"),
        ([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}], "one\ntwo"),
        (["one", "two"], "one\ntwo"),
        (["a\n", "b"], "a\nb"),
        (["@", {"type": "mention", "text": "Ann"}], "@Ann"),
    ],
)
def test_spans_of_a_message_stay_in_their_line(tmp_path: Path, parts: Any, text: str) -> None:
    turns = [{"from": "user", "text": "Hello"}, {"from": "bot", "text": parts}]
    assert said(read_row(tmp_path, {"messages": turns})[0]) == [("user", "Hello"), ("bot", text)]
