"""Rows with a list of messages; ShareGPT's is called "conversations".

{"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi!"}]}
{"conversations": [{"from": "human", "value": "Hello"}, {"from": "gpt", "value": "Hi!"}]}
"""

from lumina_cli.data.rows import Record, RowNotes, first_key
from lumina_cli.data.schemas.schema import ParsedRow, Schema
from lumina_cli.data.schemas.turns.message_list import (
    is_bare,
    is_bare_list,
    is_message_list,
    messages_of,
    messages_without_roles,
)
from lumina_cli.data.schemas.turns.system_prompts import with_system_prompts

LIST_KEYS = (
    "messages",
    "conversations",
    "conversation",
    "contents",
    "turns",
    "utterances",
    "dialogue",
    "dialog",
    "data",
    "content",
)
_LIST_KEYS = frozenset(LIST_KEYS)


def _parse(record: Record, notes: RowNotes) -> ParsedRow:
    key = _list_key(record) or first_key(LIST_KEYS, record) or "messages"
    turns = record.get(key)
    if isinstance(turns, list) and (is_bare_list(turns) or (key != "messages" and is_bare(turns))):
        messages = messages_without_roles(turns, notes=notes)
    else:
        messages = messages_of(turns, notes=notes)
    return with_system_prompts(record, messages, keys=[key], notes=notes)


def _list_key(record: Record) -> str | None:
    """Return the key whose value is a list of messages without doubt."""
    if _LIST_KEYS.isdisjoint(record):
        return None
    if "messages" in record:
        return "messages"
    return next((key for key in LIST_KEYS if key in record and is_message_list(record[key])), None)


MESSAGES = Schema(
    matches=lambda record: _list_key(record) is not None, parse=_parse, keys=_LIST_KEYS
)
SHAREGPT = Schema(matches=lambda record: "conversations" in record, parse=_parse, keys=_LIST_KEYS)
