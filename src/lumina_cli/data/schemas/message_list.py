"""A list of messages as data sets write it, whatever its keys are called.

    {"role", "content"}  {"from", "value"}  {"speaker", "text"}  {"role", "parts": [{"text"}]}

Calls of tools and what tools said are left out and counted: a model that can call none can
learn nothing from them, but the conversation around them is sound.
"""

import re
from collections.abc import Sequence

from lumina_cli.conversation import ROLE_NAMES, Message
from lumina_cli.data.rows import (
    BadRow,
    Record,
    RowNotes,
    first_key,
    in_short,
    non_blank,
    role_of,
    type_name,
)
from lumina_cli.data.schemas.unused_columns import report_unused_columns

ROLE_KEYS = ("role", "from", "speaker", "author")
TEXT_KEYS = ("content", "value", "text", "parts", "message")
_TOOL_ROLE = re.compile(
    r"environment|ipython|observation|tools?|(tool|function)([_-]?(call|response|result|output)s?)?"
)
_CALL_KEYS = ("tool_calls", "function_call")
_KEYS = (*ROLE_KEYS, *TEXT_KEYS, *_CALL_KEYS)


def messages_of(turns: object, *, notes: RowNotes) -> list[Message]:
    """Return the messages of a list; calls of tools are counted and left out. Raises BadRow."""
    if not isinstance(turns, list | tuple):
        raise BadRow(f"its list of messages is {type_name(turns)}")
    if not turns:
        raise BadRow("its list of messages is empty")
    messages = [message for turn in turns if (message := _message(turn, notes))]
    if not messages:
        raise BadRow("its messages are calls of tools alone")
    return messages


def is_message_list(value: object) -> bool:
    """Say whether a value looks like a list of messages, with roles or without."""
    if not isinstance(value, list | tuple) or not value:
        return False
    first = value[0]
    return isinstance(first, str) or (isinstance(first, dict) and bool(first_key(ROLE_KEYS, first)))


def messages_without_roles(turns: Sequence[object], *, notes: RowNotes) -> list[Message]:
    """Return bare texts as messages of user and bot in turn. Raises BadRow."""
    texts = [non_blank(text, "a message") for text in turns]
    notes.notice("its turns name no speaker; user and bot are taken in turn")
    return [Message("bot" if index % 2 else "user", text) for index, text in enumerate(texts)]


def _message(turn: object, notes: RowNotes) -> Message | None:
    """Return a message; None for a call of a tool or its result."""
    if not isinstance(turn, dict):
        raise BadRow("a message is no object with keys", example=f"it is {type_name(turn)}")
    role_key = first_key(ROLE_KEYS, turn) or "role"
    text_key = first_key(TEXT_KEYS, turn) or ("value" if role_key == "from" else "content")
    name, text = turn.get(role_key), turn.get(text_key)
    if len(turn) > 2:
        if any(turn.get(key) for key in _CALL_KEYS) and not text:
            _leave_out_call(name, notes)
            return None
        _report_rest(turn, notes)
    if _is_tool(name):
        _leave_out_call(name, notes)
        return None
    role = role_of(name)
    if isinstance(text, list | tuple):
        return Message(role, _joined(text, key=text_key, notes=notes))
    return Message(role, non_blank(text, f"its {text_key}"))


def _is_tool(name: object) -> bool:
    if not isinstance(name, str) or name in ROLE_NAMES:
        return False
    return _TOOL_ROLE.fullmatch(name.strip().lower()) is not None


def _leave_out_call(name: object, notes: RowNotes) -> None:
    notes.leave_out(
        "a message calls a tool or is what a tool said", example=f"role: {in_short(name)}"
    )


def _report_rest(turn: Record, notes: RowNotes) -> None:
    if any(turn.get(key) for key in _CALL_KEYS):
        notes.leave_out("a call of a tool beside the words of a message")
    report_unused_columns(turn, used=_KEYS, notes=notes)


def _joined(parts: Sequence[object], *, key: str, notes: RowNotes) -> str:
    """Return the text parts of a message, a line each; others are left out."""
    texts = []
    for part in parts:
        text = part.get("text") if isinstance(part, dict) else part
        if isinstance(text, str):
            texts.append(text)
        else:
            kind = part.get("type") if isinstance(part, dict) else type_name(part)
            notes.leave_out("a part of a message is no text", example=in_short(kind))
    whole = "\n".join(texts)
    if not whole.strip():
        raise BadRow(f"its {key} is a list without text")
    return whole
