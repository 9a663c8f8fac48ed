"""Lists of messages, in the ways in which people keep them.

    {"role", "content"}  {"from", "value"}  {"speaker", "text"}  {"role", "parts": [{"text"}]}

Calls of tools and what tools said are left out and counted: a model that can call none can
learn nothing from them, but the conversation around them is sound.
"""

import re
from collections.abc import Sequence

from lumina_cli.conversation import ROLE_NAMES, Message
from lumina_cli.data.schemas.fields import (
    BadRow,
    Record,
    RowNotes,
    filled,
    first_of,
    kind_of,
    role_of,
)
from lumina_cli.data.schemas.unused_columns import tell_unread

ROLE_KEYS = ("role", "from", "speaker", "author")
TEXT_KEYS = ("content", "value", "text", "parts", "message")
TOOL_ROLE = re.compile(
    r"environment|ipython|observation|tools?|(tool|function)([_-]?(call|response|result|output)s?)?"
)
_CALLS = ("tool_calls", "function_call")
_READ = (*ROLE_KEYS, *TEXT_KEYS, *_CALLS)


def messages_of(turns: object, *, notes: RowNotes) -> list[Message]:
    """Return the messages of a list; calls of tools are counted and left out. Raises BadRow."""
    if not isinstance(turns, list | tuple):
        raise BadRow(f"its list of messages is {kind_of(turns)}")
    if not turns:
        raise BadRow("its list of messages is empty")
    messages = [message for turn in turns if (message := _message(turn, notes))]
    if not messages:
        raise BadRow("its messages are calls of tools alone")
    return messages


def is_list_of_turns(value: object) -> bool:
    """Say whether a value looks like a list of messages, named or not."""
    if not isinstance(value, list | tuple) or not value:
        return False
    first = value[0]
    return isinstance(first, str) or (isinstance(first, dict) and bool(first_of(ROLE_KEYS, first)))


def turns_without_speakers(turns: Sequence[object], *, notes: RowNotes) -> list[Message]:
    """Return texts as what user and bot said in turn. Raises BadRow."""
    texts = [filled(text, "a message") for text in turns]
    notes.notice("its turns name no speaker; user and bot are taken in turn")
    return [Message("bot" if index % 2 else "user", text) for index, text in enumerate(texts)]


def _message(turn: object, notes: RowNotes) -> Message | None:
    """Return a message; None for one that is a tool's."""
    if not isinstance(turn, dict):
        raise BadRow("a message is no object with keys", example=f"it is {kind_of(turn)}")
    role_key = first_of(ROLE_KEYS, turn) or "role"
    text_key = first_of(TEXT_KEYS, turn) or ("value" if role_key == "from" else "content")
    name, text = turn.get(role_key), turn.get(text_key)
    if len(turn) > 2:
        if any(turn.get(key) for key in _CALLS) and not text:
            _tell_of_a_call(name, notes)
            return None
        _tell_of_the_rest(turn, notes)
    if _is_tool(name):
        _tell_of_a_call(name, notes)
        return None
    role = role_of(name)
    if isinstance(text, list | tuple):
        return Message(role, _joined(text, key=text_key, notes=notes))
    return Message(role, filled(text, f"its {text_key}"))


def _is_tool(name: object) -> bool:
    if not isinstance(name, str) or name in ROLE_NAMES:
        return False
    return TOOL_ROLE.fullmatch(name.strip().lower()) is not None


def _tell_of_a_call(name: object, notes: RowNotes) -> None:
    notes.leave_out("a message calls a tool or is what a tool said", example=f"role: {name}")


def _tell_of_the_rest(turn: Record, notes: RowNotes) -> None:
    if any(turn.get(key) for key in _CALLS):
        notes.leave_out("a call of a tool beside the words of a message")
    tell_unread(turn, read=_READ, notes=notes)


def _joined(parts: Sequence[object], *, key: str, notes: RowNotes) -> str:
    """Return the texts of a content in parts, a line each."""
    texts = []
    for part in parts:
        text = part.get("text") if isinstance(part, dict) else part
        if isinstance(text, str):
            texts.append(text)
        else:
            kind = part.get("type") if isinstance(part, dict) else kind_of(part)
            notes.leave_out("a part of a message is no text", example=str(kind))
    whole = "\n".join(texts)
    if not whole.strip():
        raise BadRow(f"its {key} is a list without text")
    return whole
