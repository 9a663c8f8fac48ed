"""Conversations as ChatGPT exports them (conversations.json): the path to `current_node` of a tree.

{"title": "…", "current_node": "c", "mapping": {
    "a": {"parent": null, "children": ["b"], "message": null},
    "b": {"parent": "a", "message": {"author": {"role": "user"}, "content":
        {"content_type": "text", "parts": ["Hello"]}}},
    "c": {"parent": "b", "message": {"author": {"role": "assistant"}, "content":
        {"content_type": "text", "parts": ["Hi!"]}}}}}

Read is what the program shows of the two who speak. Everything else is counted: replies that were
made again, what is hidden, thoughts, tools, pictures.
"""

import json
import re
from itertools import islice
from typing import Any

from lumina_cli.conversation import ROLE_NAMES, Conversation, Message
from lumina_cli.data.rows import BadRow, LeftOutRow, Record, RowNotes, in_short, type_name
from lumina_cli.data.schemas.assistants.message_tree import leaves_of, path_to
from lumina_cli.data.schemas.schema import ParsedRow, Schema

_TEXTS = ("text", "multimodal_text", "code")
_KINDS = {
    "thoughts": "what the bot thought before it spoke",
    "reasoning_recap": "what the bot thought before it spoke",
    "user_editable_context": "instructions that the user set for all chats",
    "model_editable_context": "what the bot remembers of the user",
}
_PARTS = {
    "image_asset_pointer": "a picture in a message",
    "audio_asset_pointer": "a recording in a message",
    "real_time_user_audio_video_asset_pointer": "a recording in a message",
}
_CALL = "a message calls a tool or is what a tool said"
_MARK = re.compile("\ue200([^\ue200\ue201]{0,10000})\ue201|【\\d+(?::\\d+)?†[^】]{0,200}】")
_ACCOUNT_ROWS: tuple[frozenset[str], ...] = tuple(
    map(
        frozenset,
        (
            ("conversation_id", "rating", "user_id"),  # message_feedback.json
            ("conversation_id", "is_anonymous", "title"),  # shared_conversations.json
            ("id", "email", "chatgpt_plus_user"),  # user.json
            ("input", "output", "metadata", "user_id"),  # model_comparisons.json
        ),
    )
)

_ACCOUNT_SIGNS = frozenset(("rating", "is_anonymous", "chatgpt_plus_user", "output"))


def _is_account_row(record: Record) -> bool:
    if _ACCOUNT_SIGNS.isdisjoint(record):
        return False
    keys = record.keys()
    if not any(row <= keys for row in _ACCOUNT_ROWS):
        return False
    return "input" not in record or isinstance(record["input"], dict)


def _matches(record: Record) -> bool:
    mapping = record.get("mapping")
    if isinstance(mapping, dict):
        nodes = islice(mapping.values(), 3)
        return any(map(_is_node, nodes)) or (not mapping and "current_node" in record)
    return _is_page(record) or _is_account_row(record)


def _is_page(record: Record) -> bool:
    """Say whether it is what the program itself gets: the messages of one path in a list."""
    messages = record.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    return isinstance(first, dict) and all(
        isinstance(first.get(key), dict) for key in ("author", "content")
    )


def _is_node(node: object) -> bool:
    return isinstance(node, dict) and "message" in node and ("parent" in node or "children" in node)


def _parse(record: Record, notes: RowNotes) -> ParsedRow:
    mapping = record.get("mapping")
    if isinstance(mapping, dict):
        said = _shown_branch(record, mapping, notes)
    elif _is_page(record):
        said = record["messages"]
    elif _is_account_row(record):
        raise LeftOutRow("it tells of the account, and is no conversation")
    else:
        raise BadRow(f"its mapping is {type_name(mapping)}")
    messages = [message for each in said if (message := _message(each, notes))]
    if not messages:
        raise LeftOutRow("nobody says a word in the conversation")
    return Conversation(tuple(messages)), record.keys()


def _shown_branch(record: Record, mapping: Record, notes: RowNotes) -> list[object]:
    """Return the messages that the program shows; those of other branches are counted."""
    nodes = {str(name): node for name, node in mapping.items() if isinstance(node, dict)}
    path = _path(record, nodes, notes)
    for name in nodes.keys() - set(path):
        if _message(nodes[name].get("message"), None):
            notes.leave_out("a message of a branch that was not gone on with")
    return [nodes[name].get("message") for name in path]


def _path(record: Record, nodes: dict[str, dict[str, Any]], notes: RowNotes) -> list[str]:
    """Return the names of the nodes that the program shows."""
    parents = {name: _name(node.get("parent")) for name, node in nodes.items()}
    current = record.get("current_node")
    if isinstance(current, str) and current in nodes:
        return path_to(current, parents=parents)
    leaves = leaves_of(parents)
    if len(leaves) > 1:
        notes.notice("its current_node is missing; its newest branch is read")
    newest = max(leaves, key=lambda name: _time(nodes[name]), default=None)
    return path_to(newest, parents=parents) if newest is not None else []


def _name(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _time(node: Record) -> float:
    message = node.get("message")
    time = message.get("create_time") if isinstance(message, dict) else None
    return float(time) if isinstance(time, int | float) and abs(time) < 1e18 else 0.0


def _message(message: object, notes: RowNotes | None) -> Message | None:
    """Return what a node says, None for nothing; without `notes` nothing is counted."""
    if not isinstance(message, dict):
        return None
    content = message.get("content")
    content = content if isinstance(content, dict) else {"parts": [content]}
    text = _text(content, notes)
    role = ROLE_NAMES.get(_role(message))
    if reason := _reason_to_leave_out(message, content, role):
        if notes and (text.strip() or content.get("content_type") not in _TEXTS):
            notes.leave_out(reason, example=in_short(content.get("content_type")))
        return None
    if not text.strip():
        return None
    assert role
    return Message(role, _without_marks(text, notes))


def _role(message: Record) -> str:
    author = message.get("author")
    role = author.get("role") if isinstance(author, dict) else author
    return role.lower() if isinstance(role, str) else ""


def _reason_to_leave_out(message: Record, content: Record, role: str | None) -> str | None:
    """Return why a message is not read, None for one that the user sees."""
    kind = content.get("content_type", "text")
    if isinstance(kind, str) and kind in _KINDS:
        return _KINDS[kind]
    metadata = message.get("metadata")
    if isinstance(metadata, dict) and metadata.get("is_visually_hidden_from_conversation"):
        return "a message that is hidden in the program"
    if _role(message) == "tool" or message.get("recipient") not in (None, "", "all"):
        return _CALL
    if message.get("channel") == "analysis":
        return _KINDS["thoughts"]
    if role == "system":
        return "a message of the system"
    if kind not in _TEXTS:
        return "a message is no text"
    return None if role else "a message of somebody who is neither user nor bot"


def _text(content: Record, notes: RowNotes | None) -> str:
    """Return the text parts of a message, a line each; others are counted."""
    parts = content.get("parts")
    if not isinstance(parts, list):
        text = content.get("text")
        return text if isinstance(text, str) else ""
    texts = []
    for part in parts:
        text = part.get("text") if isinstance(part, dict) else part
        if isinstance(text, str):
            texts.append(text)
        elif notes and part:
            kind = part.get("content_type") if isinstance(part, dict) else None
            wording = _PARTS.get(kind) if isinstance(kind, str) else None
            notes.leave_out(wording or "a part of a message is no text", example=in_short(kind))
    return "\n".join(filter(str.strip, texts))


def _without_marks(text: str, notes: RowNotes | None) -> str:
    """Return the text without the marks that the program shows as links to sources."""
    if "\ue200" not in text and "【" not in text:
        return text
    text, num_marks = _MARK.subn(_shown, text)
    if num_marks and notes:
        notes.report.left_out.add("a mark of a source", notes.location, count=num_marks)
    return text


def _shown(mark: re.Match[str]) -> str:
    """Return what the program shows in place of a mark: the name of a thing or a link, if any."""
    kind, *fields = (mark[1] or "").split("\ue202")
    if kind == "url" and fields:
        return fields[0]
    if kind != "entity" or not fields:
        return ""
    try:
        _, name, *_ = json.loads(fields[0])
    except (ValueError, TypeError, RecursionError):
        return ""
    return name if isinstance(name, str) else ""


CHATGPT = Schema(
    matches=_matches, parse=_parse, keys=frozenset(["mapping", "current_node", *_ACCOUNT_ROWS[0]])
)
