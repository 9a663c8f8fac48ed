"""Rows with an instruction, what it is about if anything, and the answer, as in Alpaca and Dolly.

{"instruction": "Translate into English.", "input": "Guten Tag", "output": "Good day"}
"""

from lumina_cli.conversation import Message
from lumina_cli.data.rows import BadRow, Record, RowNotes, first_key, text_of
from lumina_cli.data.schemas.pairs import (
    BOT_KEYS,
    answer_of,
    completion_of,
    is_blank,
    with_context,
)
from lumina_cli.data.schemas.schema import ParsedRow, Schema
from lumina_cli.data.schemas.turns.history import HISTORY_KEY, earlier_turns
from lumina_cli.data.schemas.turns.system_prompts import with_system_prompts

CONTEXT_KEYS = ("input", "context")


def _matches(record: Record) -> bool:
    return "instruction" in record and first_key(BOT_KEYS, record) is not None


def _parse(record: Record, notes: RowNotes) -> ParsedRow:
    bot = first_key(BOT_KEYS, record) or "output"
    context = [key for key in CONTEXT_KEYS if key in record and key != bot]
    keys = ["instruction", bot, *context]
    earlier = earlier_turns(record, notes=notes) if HISTORY_KEY in record else []
    keys += [HISTORY_KEY] if HISTORY_KEY in record and earlier is not None else []
    question = with_context("", record, keys=context).strip()
    answer = Message("bot", answer_of(record, bot, notes))
    if not is_blank(record["instruction"]):
        question = with_context(text_of(record, "instruction"), record, keys=context)
    elif not question and earlier:
        raise BadRow("its instruction is empty")
    elif not question:
        return completion_of(record, [answer], keys=keys, notes=notes)
    messages = [*(earlier or ()), Message("user", question), answer]
    return with_system_prompts(record, messages, keys=keys, notes=notes)


INSTRUCTIONS = Schema(
    matches=_matches, parse=_parse, keys=frozenset(["instruction", *CONTEXT_KEYS, *BOT_KEYS])
)
