"""Rows of one message each: who speaks and what is said, by the same names as in lists of messages.

{"role": "user", "content": "Hello"}
{"speaker": "bot", "text": "Hi!", "conversation_id": "7"}
"""

from typing import NamedTuple

from lumina_cli.conversation import Message
from lumina_cli.data.rows import Record, RowNotes, first_key, in_short
from lumina_cli.data.schemas.turns.message_list import ROLE_KEYS, TEXT_KEYS, is_tool, message_of
from lumina_cli.data.schemas.turns.rows_in_order import RowsInOrder
from lumina_cli.data.schemas.turns.speakers import SPEAKER_KEYS, is_role, tell_names

ID_KEYS = (
    "conversation_id",
    "conv_id",
    "dialogue_id",
    "dialog_id",
    "chat_id",
    "thread_id",
    "session_id",
)
TURN_KEYS = frozenset((*ROLE_KEYS, *TEXT_KEYS, *ID_KEYS))
_TEXTS = frozenset(TEXT_KEYS)


class Turn(NamedTuple):
    """A message, and of which conversation it is where its row tells."""

    message: Message
    conversation: str | None


def is_turn_row(record: Record) -> bool:
    """Say whether a row is a message of somebody.

    A text with an author is a message where the author is called like a role: else it is a text
    that somebody wrote.
    """
    role_key = first_key(ROLE_KEYS, record)
    if role_key is None or _TEXTS.isdisjoint(record):
        return False
    return role_key == "role" or role_key in SPEAKER_KEYS or is_role(record[role_key])


def has_turn_columns(names: frozenset[str]) -> bool:
    """Say whether a table with these columns may hold a message in each row."""
    return not names.isdisjoint(ROLE_KEYS) and not names.isdisjoint(_TEXTS)


def turn_of(record: Record, *, in_order: RowsInOrder, notes: RowNotes) -> Turn | None:
    """Return the message of a row; None for a call of a tool or its result. Raises BadRow."""
    role_key = first_key(ROLE_KEYS, record) or "role"
    id_key = first_key(ID_KEYS, record)
    conversation = None if id_key is None else in_short(record[id_key])
    name, role = record.get(role_key), None
    if role_key in SPEAKER_KEYS and not is_tool(name):
        role = in_order.speakers_of(conversation).role_of(name)
        tell_names([name], notes=notes)
    message = message_of(record, role=role, notes=notes)
    return Turn(message, conversation) if message else None
