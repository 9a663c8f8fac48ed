"""Rows with an instruction, what it is about if anything, and the answer, as in Alpaca and Dolly.

{"instruction": "Translate into English.", "input": "Guten Tag", "output": "Good day"}
"""

from lumina_cli.conversation import Message
from lumina_cli.data.rows import Record, RowNotes, first_key, text_of
from lumina_cli.data.schemas.pairs import BOT_KEYS, with_context
from lumina_cli.data.schemas.schema import ParsedRow, Schema
from lumina_cli.data.schemas.system_prompts import with_system_prompts

CONTEXT_KEYS = ("input", "context")


def _matches(record: Record) -> bool:
    return "instruction" in record and first_key(BOT_KEYS, record) is not None


def _parse(record: Record, notes: RowNotes) -> ParsedRow:
    bot = first_key(BOT_KEYS, record) or "output"
    context = [key for key in CONTEXT_KEYS if key in record and key != bot]
    question = with_context(text_of(record, "instruction"), record, keys=context)
    messages = [Message("user", question), Message("bot", text_of(record, bot))]
    return with_system_prompts(record, messages, keys=["instruction", bot, *context], notes=notes)


INSTRUCTIONS = Schema(
    matches=_matches, parse=_parse, keys=frozenset(["instruction", *CONTEXT_KEYS, *BOT_KEYS])
)
