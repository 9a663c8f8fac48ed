r"""Rows whose text is a whole conversation, with a mark before each turn.

{"chosen": "\n\nHuman: Hello\n\nAssistant: Hi!"}
{"text": "### Human: Hello### Assistant: Hi!"}
"""

import re

from lumina_cli.conversation import Message
from lumina_cli.data.rows import BadRow, Record, RowNotes, role_of, text_of
from lumina_cli.data.schemas.schema import ParsedRow, Schema
from lumina_cli.data.schemas.turns.system_prompts import with_system_prompts

_PLAIN_MARK = re.compile(r"(?:\A\s*|\n\n)(Human|Assistant|System): ?")
_HASH_MARK = re.compile(r"### ?(Human|User|Assistant|Bot|System):", re.IGNORECASE)
_BOT_MARK = re.compile(r"(?:\n\n|### ?)(?:Assistant|Bot):", re.IGNORECASE)
_PERHAPS_BOT_MARK = re.compile(r"\n\n[AaBb]")


def is_transcript(text: str) -> bool:
    """Say whether a text begins with the mark of a turn, and the bot has a turn in it."""
    begins = _HASH_MARK.match(text.lstrip()) or (
        _PLAIN_MARK.match(text) and "\n\nAssistant:" in text
    )
    return bool(begins) and bool(_BOT_MARK.search(text))


def may_hold_turns(text: str) -> bool:
    """Say whether a mark of the bot's turn stands anywhere in a text, as in any transcript."""
    if "###" not in text and not _PERHAPS_BOT_MARK.search(text):
        return False  # most are: it is found out many times faster
    return bool(_BOT_MARK.search(text))


def messages_of_transcript(text: str, *, is_prompt: bool = False) -> list[Message]:
    """Return the turns of a transcript.

    Args:
        text: with a mark before each turn.
        is_prompt: whether it ends in the mark of the turn to come.

    Raises:
        BadRow: a turn is empty, or there is none.
    """
    mark = _HASH_MARK if _HASH_MARK.match(text.lstrip()) else _PLAIN_MARK
    _, *parts = mark.split(text)
    turns = [(role_of(name), text.strip()) for name, text in zip(*[iter(parts)] * 2, strict=True)]
    if is_prompt and turns and not turns[-1][1]:
        turns.pop()
    if not turns or not all(text for _, text in turns):
        raise BadRow("a turn of its text is empty")
    return [Message(role, text) for role, text in turns]


def complete_transcript(text: str, *, is_prompt: bool = False) -> list[Message] | None:
    """Return the turns of a text if it is a transcript without empty turns, else None."""
    if not is_transcript(text):
        return None
    try:
        return messages_of_transcript(text, is_prompt=is_prompt)
    except BadRow:
        return None


def _matches(record: Record) -> bool:
    if isinstance(chosen := record.get("chosen"), str):
        return is_transcript(chosen)
    return isinstance(text := record.get("text"), str) and complete_transcript(text) is not None


def _parse(record: Record, notes: RowNotes) -> ParsedRow:
    key = "chosen" if "chosen" in record else "text"
    messages = messages_of_transcript(text_of(record, key))
    return with_system_prompts(record, messages, keys=[key], notes=notes)


TRANSCRIPTS = Schema(matches=_matches, parse=_parse, keys=frozenset(["chosen", "text"]))
