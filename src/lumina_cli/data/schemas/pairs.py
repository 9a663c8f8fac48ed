"""Rows with one question and one answer, each under one of many names.

{"user": "Hello", "bot": "Hi!"}
{"question": "How high is it?", "answer": "828 m", "context": "The tower is 828 m high."}
"""

from collections.abc import Collection

from lumina_cli.conversation import Message, Role
from lumina_cli.data.rows import BadRow, Record, RowNotes, first_key, optional_text, text_of
from lumina_cli.data.schemas.message_list import messages_of
from lumina_cli.data.schemas.schema import ParsedRow, Schema
from lumina_cli.data.schemas.system_prompts import with_system_prompts
from lumina_cli.data.schemas.transcripts import complete_transcript

USER_KEYS = ("user", "prompt", "question", "query", "human", "input")
BOT_KEYS = ("bot", "completion", "response", "answer", "assistant", "output", "chosen")


def with_context(question: str, record: Record, *, keys: Collection[str]) -> str:
    """Return a question followed by the texts under `keys`, a blank line before each."""
    contexts = (optional_text(record, key) for key in keys)
    return "\n\n".join([question, *filter(None, contexts)])


def _matches(record: Record) -> bool:
    if first_key(BOT_KEYS, record) is None:
        return False
    return first_key(USER_KEYS, record) is not None or isinstance(record.get("chosen"), list)


def _parse(record: Record, notes: RowNotes) -> ParsedRow:
    bot, user = first_key(BOT_KEYS, record), first_key(USER_KEYS, record)
    if bot is None or (user is None and not isinstance(record[bot], list)):
        raise BadRow("it has no pair of question and answer")
    answers = _messages_under("bot", record, bot, notes)
    if user is None:
        return with_system_prompts(record, answers, keys=[bot], notes=notes)
    context = ["context"] if "context" in record else []
    questions = _messages_under("user", record, user, notes)
    if context:
        last = questions[-1]
        questions[-1] = Message(last.role, with_context(last.text, record, keys=context))
    repeats = questions[-1] in answers[:-1]  # as where the answer is the whole conversation
    messages = answers if repeats else questions + answers
    return with_system_prompts(record, messages, keys=[user, bot, *context], notes=notes)


def _messages_under(role: Role, record: Record, key: str, notes: RowNotes) -> list[Message]:
    """Return the messages under a key: a text, a list of messages, or a transcript."""
    value = record[key]
    if isinstance(value, list | tuple):
        return messages_of(value, notes=notes)
    text = text_of(record, key)
    if role == "user" and (turns := complete_transcript(text, is_prompt=True)):
        notes.notice("marks of turns inside a question are read as such", example=text.lstrip())
        return turns
    return [Message(role, text)]


PAIRS = Schema(matches=_matches, parse=_parse, keys=frozenset([*USER_KEYS, *BOT_KEYS, "context"]))
