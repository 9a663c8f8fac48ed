"""Rows with one question and one answer, each under one of many names.

{"user": "Hello", "bot": "Hi!"}
{"question": "How high is it?", "answer": "828 m", "context": "The tower is 828 m high."}
"""

from collections.abc import Collection, Sequence
from typing import TypeGuard

from lumina_cli.conversation import Conversation, Message, PlainText, Role
from lumina_cli.data.rows import BadRow, Record, RowNotes, first_key, optional_text, text_of
from lumina_cli.data.schemas.schema import ParsedRow, Schema
from lumina_cli.data.schemas.transcripts import complete_transcript
from lumina_cli.data.schemas.turns.history import HISTORY_KEY, earlier_turns
from lumina_cli.data.schemas.turns.message_list import ROLE_KEYS, is_bare, messages_of
from lumina_cli.data.schemas.turns.system_prompts import with_system_prompts

USER_KEYS = ("user", "prompt", "question", "query", "human", "input")
BOT_KEYS = (
    *("bot", "completion", "response", "answer", "assistant", "output", "chosen"),
    *("completions", "responses", "answers", "outputs"),
)


def with_context(question: str, record: Record, *, keys: Collection[str]) -> str:
    """Return a question followed by the texts under `keys`, a blank line before each."""
    contexts = (optional_text(record, key) for key in keys)
    return "\n\n".join([question, *filter(None, contexts)])


def answer_of(record: Record, key: str, notes: RowNotes) -> str:
    """Return what the bot says under a key; of a list of answers the first. Raises BadRow."""
    answers = record.get(key)
    if isinstance(answers, dict):  # as in SQuAD
        answers = answers.get("text")
    if _are_objects_of_text(answers):
        answers = [answer["text"] for answer in answers]
    if not (isinstance(answers, list | tuple) and is_bare(answers)):
        return text_of(record, key)
    if len(answers) > 1:
        notes.leave_out("of a list of answers the first is read", example=str(answers[1]))
    return text_of({key: answers[0]}, key)


def _are_objects_of_text(value: object) -> TypeGuard[Sequence[dict[str, str]]]:
    """Say whether a value is a list of answers, each an object with a text and no speaker."""
    if not isinstance(value, list | tuple) or not value:
        return False
    return all(
        isinstance(each, dict)
        and isinstance(each.get("text"), str)
        and first_key(ROLE_KEYS, each) is None
        for each in value
    )


def completion_of(
    record: Record, answers: Sequence[Message], *, keys: list[str], notes: RowNotes
) -> ParsedRow:
    """Return the answer to an empty question: a plain text, unless it has a system prompt."""
    conversation, read = with_system_prompts(record, list(answers), keys=keys, notes=notes)
    assert isinstance(conversation, Conversation)
    notes.notice("its question is empty; the answer is read as a plain text")
    if len(conversation.messages) > 1:
        return conversation, read
    return PlainText(answers[0].text), read


def is_blank(value: object) -> bool:
    """Say whether a question is there and has nothing in it."""
    return value is None or (isinstance(value, str) and not value.strip())


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
    keys = [user, bot, *context]
    earlier = earlier_turns(record, notes=notes) if HISTORY_KEY in record else []
    keys += [HISTORY_KEY] if HISTORY_KEY in record and earlier is not None else []
    if is_blank(record[user]) and not earlier and not optional_text(record, "context"):
        return completion_of(record, answers, keys=keys, notes=notes)
    questions = _messages_under("user", record, user, notes)
    if context:
        last = questions[-1]
        questions[-1] = Message(last.role, with_context(last.text, record, keys=context))
    repeats = questions[-1] in answers[:-1]  # as where the answer is the whole conversation
    messages = answers if repeats else questions + answers
    return with_system_prompts(record, [*(earlier or ()), *messages], keys=keys, notes=notes)


def _messages_under(role: Role, record: Record, key: str, notes: RowNotes) -> list[Message]:
    """Return the messages under a key: a text, a list of messages, or a transcript."""
    value = record[key]
    is_answers = role == "bot" and (is_bare(value) or _are_objects_of_text(value))
    if isinstance(value, list | tuple) and not is_answers:
        return messages_of(value, notes=notes)
    if role == "bot":
        return [Message(role, answer_of(record, key, notes))]
    text = text_of(record, key)
    if turns := complete_transcript(text, is_prompt=True):
        notes.notice("marks of turns inside a question are read as such", example=text.lstrip())
        return turns
    return [Message(role, text)]


PAIRS = Schema(
    matches=_matches,
    parse=_parse,
    keys=frozenset([*USER_KEYS, *BOT_KEYS, "context"]),
)
