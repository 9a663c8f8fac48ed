"""System prompts that stand beside the messages of a row, in a column of their own."""

from lumina_cli.conversation import Conversation, Message
from lumina_cli.data.rows import Record, RowNotes, optional_text
from lumina_cli.data.schemas.schema import ParsedRow
from lumina_cli.data.schemas.turns.message_list import messages_of

SYSTEM_KEYS = ("system", "system_prompt", "system_message", "systemInstruction")
_SYSTEM_KEYS = frozenset(SYSTEM_KEYS)


def with_system_prompts(
    record: Record, messages: list[Message], *, keys: list[str], notes: RowNotes
) -> ParsedRow:
    """Return the messages of a row as a conversation, its system prompts first.

    Args:
        record: the row.
        messages: what was read of it.
        keys: what they were read from.
        notes: what is not read is reported here.

    Raises:
        BadRow: a system prompt is no text.
    """
    if _SYSTEM_KEYS.isdisjoint(record):
        return Conversation(tuple(messages)), keys
    prompts = []
    for key in SYSTEM_KEYS:
        if key in record:
            keys.append(key)
            prompts += _system_prompt(record, key, notes)
    if prompts and prompts[-1] == messages[0]:
        prompts.pop()
    return Conversation((*prompts, *messages)), keys


def _system_prompt(record: Record, key: str, notes: RowNotes) -> list[Message]:
    value = record[key]
    if isinstance(value, dict) and value:
        return messages_of([{**value, "role": "system"}], notes=notes)
    text = optional_text(record, key)
    return [Message("system", text)] if text else []
