"""Messages under their many names, parts of content, calls of tools."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.data.reading import HELLO, TURNS, counts, issues, read, read_row, said, write_rows


@pytest.mark.parametrize(
    ("user", "bot"),
    [
        ("user", "assistant"),
        ("human", "gpt"),
        ("Human", "AI"),
        ("User", "Model"),
        ("HUMAN", "chatgpt"),
        ("user", "bing"),
        ("prompter", "gpt4"),
        ("user", "gpt-4"),
        ("user", "chatbot"),
    ],
)
def test_roles_have_many_names(tmp_path: Path, user: str, bot: str) -> None:
    for role, text in (("role", "content"), ("from", "value"), ("speaker", "text")):
        turns = [{role: user, text: "Hello"}, {role: bot, text: "Hi!"}]
        assert said(read_row(tmp_path, {"messages": turns})[0]) == HELLO


@pytest.mark.parametrize(("role", "text"), [("Role", "Content"), ("From", "Value")])
def test_keys_of_messages_may_be_in_any_case(tmp_path: Path, role: str, text: str) -> None:
    turns = [{role: "user", text: "Hello"}, {role: "assistant", text: "Hi!"}]
    for row in ({"messages": turns}, {"conversations": turns}, turns):
        assert said(read_row(tmp_path, row)[0]) == HELLO


def test_content_in_parts_is_joined_and_what_is_no_text_is_told(tmp_path: Path) -> None:
    parts = [
        {"type": "text", "text": "Look:"},
        {"type": "image_url", "image_url": {"url": "x"}},
        {"type": "text", "text": "what is it?"},
    ]
    turns = [{"role": "user", "content": parts}, {"role": "assistant", "content": ["A cat."]}]
    document, report = read_row(tmp_path, {"messages": turns})
    assert said(document) == [("user", "Look:\nwhat is it?"), ("bot", "A cat.")]
    [(wording, issue)] = list(report.left_out)
    assert "part of a message" in wording
    assert (issue.count, issue.example) == (1, "image_url")


def test_a_message_whose_parts_hold_no_text_can_not_be_read(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": [{"type": "image_url"}]}, TURNS[1]]
    path = write_rows(tmp_path / "x.jsonl", [{"messages": TURNS}] * 30 + [{"messages": turns}])
    assert counts(read(path)[1].skipped) == {"its content is a list without text": 1}


@pytest.mark.parametrize(
    "call",
    [
        {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f"}}]},
        {"role": "assistant", "content": "", "function_call": {"name": "f"}},
        {"role": "function_call", "content": "f(1)"},
        {"role": "tool", "content": "7"},
        {"from": "function_response", "value": "7"},
        {"from": "observation", "value": ""},
    ],
    ids=str,
)
def test_calls_of_tools_are_left_out_and_the_conversation_is_read(
    tmp_path: Path, call: dict[str, Any]
) -> None:
    document, report = read_row(tmp_path, {"messages": [TURNS[0], call, TURNS[1]]})
    assert said(document) == HELLO
    assert issues(report) == {"a message calls a tool or is what a tool said": 1}


def test_a_call_beside_words_leaves_the_words(tmp_path: Path) -> None:
    call = {"role": "assistant", "content": "Hi!", "tool_calls": [{"function": {"name": "f"}}]}
    document, report = read_row(tmp_path, {"messages": [TURNS[0], call]})
    assert said(document) == HELLO
    assert issues(report) == {"a call of a tool beside the words of a message": 1}
