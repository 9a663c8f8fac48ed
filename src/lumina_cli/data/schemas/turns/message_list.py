"""A list of messages as data sets write it, whatever its keys are called.

    {"role", "content"}  {"from", "value"}  {"speaker", "text"}  {"role", "parts": [{"text"}]}

Calls of tools and what tools said are left out and counted: a model that can call none can
learn nothing from them, but the conversation around them is sound.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from lumina_cli.conversation import ROLE_NAMES, Message, Role
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
from lumina_cli.data.schemas.turns.speakers import SPEAKER_KEYS, is_role, roles_of_speakers
from lumina_cli.data.schemas.unused_columns import report_unused_columns

ROLE_KEYS = ("role", "from", "speaker", "author", "agent", "sender")
TEXT_KEYS = ("content", "value", "text", "parts", "message", "utterance")
_TOOL_ROLE = re.compile(
    r"environment|ipython|observation|tools?|(tool|function)([_-]?(call|response|result|output)s?)?"
)
_STYLES = frozenset(
    [
        *("plain", "bold", "italic", "underline", "strikethrough", "spoiler", "code", "pre"),
        *("blockquote", "link", "text_link", "mention", "mention_name", "hashtag", "cashtag"),
        *("bot_command", "email", "phone", "bank_card", "custom_emoji", "emoji"),
    ]
)
"""Kinds of spans, as in exports of Telegram."""
_CALL_KEYS = ("tool_calls", "function_call")
_KEYS = (*ROLE_KEYS, *TEXT_KEYS, *_CALL_KEYS)


def messages_of(turns: object, *, notes: RowNotes) -> list[Message]:
    """Return the messages of a list; calls of tools are counted and left out. Raises BadRow."""
    if not isinstance(turns, list | tuple):
        raise BadRow(f"its list of messages is {type_name(turns)}")
    if not turns:
        raise BadRow("its list of messages is empty")
    if _plain_case(turns[0]) is not turns[0]:
        turns = [_plain_case(turn) for turn in turns]
    roles = _roles_of(turns, notes=notes)
    messages = [
        message
        for turn, role in zip(turns, roles, strict=True)
        if (message := message_of(turn, role=role, notes=notes))
    ]
    if not messages:
        raise BadRow("its messages are calls of tools alone")
    return messages


def is_message_list(value: object) -> bool:
    """Say whether a value looks like a list of messages, with roles or without."""
    if not isinstance(value, list | tuple) or not value:
        return False
    first = _plain_case(value[0])
    return isinstance(first, str) or (isinstance(first, dict) and bool(first_key(ROLE_KEYS, first)))


def messages_without_roles(turns: Sequence[object], *, notes: RowNotes) -> list[Message]:
    """Return bare texts as messages of user and bot in turn. Raises BadRow."""
    texts = [non_blank(text, "a message") for text in turns]
    notes.notice("its turns name no speaker; user and bot are taken in turn")
    return [Message("bot" if index % 2 else "user", text) for index, text in enumerate(texts)]


def is_bare_list(value: object) -> bool:
    """Say whether a value is a list of texts that may be a conversation."""
    if not isinstance(value, list | tuple) or len(value) < 2:
        return False
    return all(isinstance(each, str) for each in value)


def is_bare(value: object) -> bool:
    """Say whether a value is a list that begins with a text."""
    return isinstance(value, list | tuple) and bool(value) and isinstance(value[0], str)


def _plain_case(turn: object) -> object:
    """Return a message with its keys in lower case, unless one of them tells who speaks."""
    if not isinstance(turn, dict) or first_key(ROLE_KEYS, turn):
        return turn
    cased = {str(key).strip().lower(): value for key, value in turn.items()}
    return cased if first_key(ROLE_KEYS, cased) and len(cased) == len(turn) else turn


def _roles_of(turns: Sequence[object], *, notes: RowNotes) -> Sequence[Role | None]:
    """Return the roles of turns whose speakers have names; None for those that tell a role."""
    names = [
        turn[key]
        for turn in turns
        if isinstance(turn, dict) and (key := first_key(ROLE_KEYS, turn)) in SPEAKER_KEYS
    ]
    if len(names) < len(turns) or all(is_role(name) or is_tool(name) for name in names):
        return [None] * len(turns)
    if len(set(map(str, names))) == 1 or any(map(is_tool, names)):
        return [None] * len(turns)
    return roles_of_speakers(names, notes=notes)


def message_of(turn: object, *, role: Role | None, notes: RowNotes) -> Message | None:
    """Return a message; None for a call of a tool or its result.

    Args:
        turn: the object that it is written as.
        role: of who speaks; None where the object tells.
        notes: what is not read is reported here.

    Raises:
        BadRow: it has no role or no text.
    """
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
    if is_tool(name):
        _leave_out_call(name, notes)
        return None
    role = role or role_of(name)
    if isinstance(text, list | tuple):
        return Message(role, _joined(text, key=text_key, notes=notes))
    return Message(role, non_blank(text, f"its {text_key}"))


def is_tool(name: object) -> bool:
    """Say whether a name is that of a tool, or of a call of one."""
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
    """Return the text parts of a message: spans of one text, or a line each; others are left out.

    Spans are what a text with bold words or links is torn into: bare texts among objects, objects
    of a kind that is not "text", or parts with white space where they meet.
    """
    texts = []
    for part in parts:
        text = part.get("text") if isinstance(part, dict) else part
        if isinstance(text, str):
            texts.append(text)
        else:
            kind = part.get("type") if isinstance(part, dict) else type_name(part)
            notes.leave_out("a part of a message is no text", example=in_short(kind))
    whole = ("" if _are_spans(parts, texts) else "\n").join(texts)
    if not whole.strip():
        raise BadRow(f"its {key} is a list without text")
    return whole


def _are_spans(parts: Sequence[object], texts: Sequence[str]) -> bool:
    """Say whether parts follow one another within a line."""
    kinds = {type(part) for part in parts}
    if len(kinds) > 1 or any(_is_styled(part) for part in parts):
        return True
    return any(before[-1:].isspace() or behind[:1].isspace() for before, behind in pairwise(texts))


def _is_styled(part: object) -> bool:
    kind = part.get("type") if isinstance(part, dict) else None
    return isinstance(kind, str) and kind in _STYLES
