"""ChatGPT's conversations.json: what the program shows is read, and all else is counted."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.data.reading import HELLO, as_array, counts, issues, read, read_row, said

HIDDEN = {"is_visually_hidden_from_conversation": True}


def node(
    name: str, parent: str | None, role: str, text: object = "", **fields: Any
) -> dict[str, Any]:
    """Return a node of a mapping with the message that the export writes for it."""
    content = fields.pop("content", {"content_type": "text", "parts": [text]})
    message = {
        "id": name,
        "author": {"role": role, "name": None, "metadata": {}},
        "create_time": 1700000000.5,
        "update_time": None,
        "content": content,
        "status": "finished_successfully",
        "end_turn": True,
        "weight": 1.0,
        "metadata": {},
        "recipient": "all",
        "channel": None,
    }
    return {"id": name, "message": {**message, **fields}, "parent": parent, "children": []}


def tree(*nodes: dict[str, Any], current: str | None = None) -> dict[str, Any]:
    """Return a conversation whose first node is the empty one that every export begins with."""
    root = {"id": "root", "message": None, "parent": None, "children": []}
    mapping = {each["id"]: each for each in (root, *nodes)}
    return {
        "title": "A greeting",
        "create_time": 1700000000.1,
        "update_time": 1700000009.1,
        "mapping": mapping,
        "moderation_results": [],
        "current_node": current or nodes[-1]["id"],
        "plugin_ids": None,
        "conversation_id": "0",
        "is_archived": False,
        "safe_urls": ["https://example.org"],
    }


def hello() -> list[dict[str, Any]]:
    return [node("u", "root", "user", "Hello"), node("b", "u", "assistant", "Hi!")]


def test_the_path_to_the_current_node_is_read(tmp_path: Path) -> None:
    path = as_array(tmp_path, [tree(*hello()), tree(*hello())])
    documents, report = read(path)
    assert [said(document) for document in documents] == [HELLO, HELLO]
    assert report.formats[path] == {"chatgpt": 2}
    assert issues(report) == {}


def test_one_conversation_alone_is_read(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text(json.dumps(tree(*hello()), indent=1), encoding="utf-8")
    [document], _ = read(path)
    assert said(document) == HELLO


def test_branches_that_were_not_gone_on_with_are_counted(tmp_path: Path) -> None:
    nodes = [
        *hello(),
        node("b2", "u", "assistant", "Good day."),
        node("u2", "b2", "user", "How are you?"),
    ]
    document, report = read_row(tmp_path, tree(*nodes, current="b"))
    assert said(document) == HELLO
    assert issues(report) == {"a message of a branch that was not gone on with": 2}


def test_without_a_current_node_the_newest_branch_is_read(tmp_path: Path) -> None:
    nodes = [*hello(), node("b2", "u", "assistant", "Good day.", create_time=1700000005)]
    document, report = read_row(tmp_path, {**tree(*nodes), "current_node": None})
    assert said(document) == [("user", "Hello"), ("bot", "Good day.")]
    assert issues(report) == {
        "a message of a branch that was not gone on with": 1,
        "its current_node is missing; its newest branch is read": 1,
    }


LEFT_OUT = [
    (node("x", "u", "system", "Be kind."), "a message of the system"),
    (node("x", "u", "user", "Secret", metadata=HIDDEN), "a message that is hidden in the program"),
    (
        node("x", "u", "assistant", "print(1)", recipient="python"),
        "a message calls a tool or is what a tool said",
    ),
    (node("x", "u", "tool", "1"), "a message calls a tool or is what a tool said"),
    (
        node("x", "u", "assistant", content={"content_type": "thoughts", "thoughts": [{}]}),
        "what the bot thought before it spoke",
    ),
    (
        node(
            "x",
            "u",
            "assistant",
            content={"content_type": "reasoning_recap", "content": "Thought for 3s"},
        ),
        "what the bot thought before it spoke",
    ),
    (
        node(
            "x",
            "u",
            "user",
            content={"content_type": "user_editable_context", "user_profile": "I am Ann."},
            metadata=HIDDEN,
        ),
        "instructions that the user set for all chats",
    ),
    (
        node(
            "x",
            "u",
            "assistant",
            content={"content_type": "model_editable_context", "model_set_context": ""},
        ),
        "what the bot remembers of the user",
    ),
    (
        node("x", "u", "assistant", content={"content_type": "hologram", "parts": ["?"]}),
        "a message is no text",
    ),
    (
        node("x", "u", "critic", "It is short."),
        "a message of somebody who is neither user nor bot",
    ),
]


@pytest.mark.parametrize(("between", "wording"), LEFT_OUT)
def test_what_the_two_do_not_say_is_left_out_and_counted(
    tmp_path: Path, between: dict[str, Any], wording: str
) -> None:
    nodes = [node("u", "root", "user", "Hello"), between, node("b", "x", "assistant", "Hi!")]
    document, report = read_row(tmp_path, tree(*nodes))
    assert said(document) == HELLO
    assert issues(report) == {wording: 1}


def test_an_empty_system_message_is_nothing(tmp_path: Path) -> None:
    nodes = [
        node("s", "root", "system", "", metadata=HIDDEN),
        node("u", "s", "user", "Hello"),
        node("b", "u", "assistant", "Hi!"),
    ]
    assert issues(read_row(tmp_path, tree(*nodes))[1]) == {}


def test_of_parts_the_text_is_read_and_pictures_are_counted(tmp_path: Path) -> None:
    parts = [
        {"content_type": "image_asset_pointer", "asset_pointer": "file-service://f", "width": 9},
        {"content_type": "audio_transcription", "text": "Hel", "direction": "in"},
        {"content_type": "audio_asset_pointer", "asset_pointer": "sediment://f"},
        "lo",
        "",
    ]
    content = {"content_type": "multimodal_text", "parts": parts}
    nodes = [node("u", "root", "user", content=content), node("b", "u", "assistant", "Hi!")]
    document, report = read_row(tmp_path, tree(*nodes))
    assert said(document) == [("user", "Hel\nlo"), ("bot", "Hi!")]
    assert issues(report) == {"a picture in a message": 1, "a recording in a message": 1}


def test_marks_of_sources_are_replaced_by_what_the_program_shows(tmp_path: Path) -> None:
    text = (
        "It is high\ue200cite\ue202turn0search1\ue202turn0search2\ue201, says "
        '\ue200entity\ue202["person","Ada","a guide"]\ue201【3†source】.'
    )
    nodes = [node("u", "root", "user", "How high is it?"), node("b", "u", "assistant", text)]
    document, report = read_row(tmp_path, tree(*nodes))
    assert said(document)[1] == ("bot", "It is high, says Ada.")
    assert issues(report) == {"a mark of a source": 3}


def test_the_messages_that_the_program_itself_gets_are_read(tmp_path: Path) -> None:
    page = {"title": "", "messages": [each["message"] for each in hello()], "page_info": {}}
    assert said(read_row(tmp_path, page)[0]) == HELLO


ROWS_OF_THE_ACCOUNT = [
    {"id": "f", "conversation_id": "c", "user_id": "u", "rating": "thumbs_up", "content": "{}"},
    {"id": "s", "conversation_id": "c", "title": "A greeting", "is_anonymous": True},
    {"id": "u", "email": "ann@example.org", "chatgpt_plus_user": False, "phone_number": None},
    {"id": "m", "user_id": "u", "input": {}, "output": {"feedback": "a"}, "metadata": {}},
    {"title": "New chat", "mapping": {}, "current_node": None},
    tree(node("u", "root", "system", "")),
]


@pytest.mark.parametrize("row", ROWS_OF_THE_ACCOUNT)
def test_what_else_an_export_holds_does_not_count_as_damage(
    tmp_path: Path, row: dict[str, Any]
) -> None:
    _, report = read(as_array(tmp_path, [tree(*hello()), row]))
    assert sum(counts(report.left_out).values()) == 1
    assert report.skipped.total == 0


WICKED = [
    {"mapping": {"a": {"message": {}, "parent": "b"}, "b": {"message": None, "parent": "a"}}},
    {"mapping": {"a": {"message": {"author": [], "content": 7}, "parent": 7}}, "current_node": []},
    {
        "mapping": {
            "a": {"message": {"author": {"role": {}}, "content": {"parts": {}}}, "parent": 0}
        }
    },
    {"mapping": {"a": {"message": {"content": {"content_type": [], "parts": [[]]}}, "parent": ""}}},
    {"mapping": {"a": {"message": "text", "children": 1}}, "current_node": "a"},
]


@pytest.mark.parametrize("row", WICKED)
def test_no_damaged_tree_breaks_the_reading(tmp_path: Path, row: dict[str, Any]) -> None:
    documents, _ = read(as_array(tmp_path, [tree(*hello()), row]), allow_skips=True)
    assert said(documents[0]) == HELLO


def test_a_chain_of_thousands_of_messages_is_read(tmp_path: Path) -> None:
    names = [f"n{index}" for index in range(5000)]
    nodes = [
        node(name, parent, "assistant" if index % 2 else "user", name)
        for index, (name, parent) in enumerate(zip(names, ["root", *names], strict=False))
    ]
    document, _ = read_row(tmp_path, tree(*nodes))
    assert [text for _, text in said(document)] == names
