"""The shapes of rows that people have, and how each becomes a conversation or a text.

    oasst         {"message_id", "parent_id", "text", "role", …}, or trees of them
    messages      {"messages": [{"role", "content"}]}, or another name of such a list
    sharegpt      {"conversations": [{"from", "value"}]}
    instructions  {"instruction", "input", "output"}
    pairs         {"user", "bot"} {"prompt", "completion"} {"question", "answer"} …
    transcripts   {"text"} or {"chosen"} with marks such as "### Human:" before each turn
    documents     {"text"}, or a bare string

The keys of a row tell its shape. A system prompt beside the turns becomes the first of them;
text under keys that are not read is told (`unread.py`).
"""

from collections.abc import Callable, Collection
from itertools import chain

from lumina_cli.conversation import Conversation, Document, Message, PlainText, Role
from lumina_cli.data.schemas.fields import (
    BadRow,
    Record,
    RowNotes,
    filled,
    first_of,
    kind_of,
    text_of,
    text_or_nothing,
)
from lumina_cli.data.schemas.messages import is_list_of_turns, messages_of, turns_without_speakers
from lumina_cli.data.schemas.transcripts import is_transcript, messages_of_transcript, turns_inside
from lumina_cli.data.schemas.unused_columns import tell_unread

SYSTEM_KEYS = ("system", "system_prompt", "system_message", "systemInstruction")
_SYSTEM_KEYS = frozenset(SYSTEM_KEYS)
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
)
_LIST_KEYS = frozenset(LIST_KEYS)
USER_KEYS = ("user", "prompt", "question", "query", "human", "input")
BOT_KEYS = ("bot", "completion", "response", "answer", "assistant", "output", "chosen")
ABOUT_KEYS = ("input", "context")
DOCUMENT_KEYS = ("text", "content", "story", "document")

_OASST_KEYS = (
    "message_id",
    "parent_id",
    "role",
    "lang",
    "rank",
    "deleted",
    "review_result",
    "synthetic",
    "replies",
)
COLUMNS = frozenset(
    chain(
        _OASST_KEYS,
        SYSTEM_KEYS,
        LIST_KEYS,
        USER_KEYS,
        BOT_KEYS,
        ABOUT_KEYS,
        DOCUMENT_KEYS,
        ("instruction", "rejected"),
    )
)
"""All that is ever read of a row, or told of; other columns of a table are left alone."""

Reading = tuple[Document, Collection[str]]
"""What a row gave, and the keys that it was read from."""


def detect_schema(value: object) -> str:
    """Return the name of the shape of a row.

    Raises:
        BadRow: it has none that is known.
    """
    if isinstance(value, str):
        return "documents"
    if not isinstance(value, dict):
        if is_list_of_turns(value) and not isinstance(value[0], str):  # type: ignore[index]
            return "messages"
        raise BadRow("it is no object with keys", example=f"it is {kind_of(value)}")
    for name, test in _TESTS.items():
        if test(value):
            return name
    keys = ", ".join(map(str, value)) or "none"
    raise BadRow("its keys are those of no known format", example=f"keys: {keys}")


def document_of(value: object, *, shape: str, notes: RowNotes) -> Document:
    """Return the conversation or text of a row; what of it is not read is told. Raises BadRow."""
    if isinstance(value, str) and shape == "documents":
        return PlainText(filled(value, "the text"))
    if shape == "messages" and isinstance(value, list) and value:
        return Conversation(tuple(messages_of(value, notes=notes)))
    if not isinstance(value, dict):
        raise BadRow("it is no object with keys", example=f"it is {kind_of(value)}")
    document, read = _READERS[shape](value, notes)
    if len(value) > len(read):
        messages = document.messages if isinstance(document, Conversation) else ()
        texts = [message.text for message in messages]
        tell_unread(value, read=read, notes=notes, texts=texts)
    return document


def is_tree(record: Record) -> bool:
    """Say whether a row is a whole tree of messages, or one message with the replies inside.

    A column of replies that is empty makes no tree: such a row names what it answers itself.
    """
    return bool(record.get("replies")) or isinstance(record.get("prompt"), dict)


def _messages(record: Record, notes: RowNotes) -> Reading:
    key = _list_key(record) or first_of(LIST_KEYS, record) or "messages"
    turns = record.get(key)
    if key != "messages" and isinstance(turns, list) and turns and isinstance(turns[0], str):
        return _conversation(record, turns_without_speakers(turns, notes=notes), [key], notes)
    return _conversation(record, messages_of(turns, notes=notes), [key], notes)


def _instructions(record: Record, notes: RowNotes) -> Reading:
    key = first_of(BOT_KEYS, record) or "output"
    about = [each for each in ABOUT_KEYS if each in record and each != key]
    question = _with_what_it_is_about(text_of(record, "instruction"), record, about)
    messages = [Message("user", question), Message("bot", text_of(record, key))]
    return _conversation(record, messages, ["instruction", key, *about], notes)


def _pair(record: Record, notes: RowNotes) -> Reading:
    bot, user = first_of(BOT_KEYS, record), first_of(USER_KEYS, record)
    if bot is None or (user is None and not isinstance(record[bot], list)):
        raise BadRow("it has no pair of question and answer")
    answers = _said_by("bot", record, bot, notes)
    if user is None:
        return _conversation(record, answers, [bot], notes)
    about = ["context"] if "context" in record else []
    questions = _said_by("user", record, user, notes)
    if about:
        whole = _with_what_it_is_about(questions[-1].text, record, about)
        questions[-1] = Message(questions[-1].role, whole)
    repeats = questions[-1] in answers[:-1]  # as where the answer is the whole conversation
    messages = answers if repeats else questions + answers
    return _conversation(record, messages, [user, bot, *about], notes)


def _said_by(role: Role, record: Record, key: str, notes: RowNotes) -> list[Message]:
    """Return what stands under a key: a text, a list of messages, or marked turns."""
    value = record[key]
    if isinstance(value, list | tuple):
        return messages_of(value, notes=notes)
    text = text_of(record, key)
    if role == "user" and (turns := turns_inside(text, is_prompt=True)):
        notes.notice("marks of turns inside a question are read as such", example=text.lstrip())
        return turns
    return [Message(role, text)]


def _with_what_it_is_about(question: str, record: Record, keys: Collection[str]) -> str:
    """Return a question and what it is about, if anything, with a blank line between."""
    about = (text_or_nothing(record, key) for key in keys)
    return "\n\n".join([question, *filter(None, about)])


def _transcript(record: Record, notes: RowNotes) -> Reading:
    key = "chosen" if "chosen" in record else "text"
    return _conversation(record, messages_of_transcript(text_of(record, key)), [key], notes)


def _conversation(
    record: Record, messages: list[Message], read: list[str], notes: RowNotes
) -> Reading:
    """Return messages as a conversation, behind the system prompts that stand beside them."""
    if _SYSTEM_KEYS.isdisjoint(record):
        return Conversation(tuple(messages)), read
    prompts = []
    for key in SYSTEM_KEYS:
        if key in record:
            read.append(key)
            prompts += _system_prompt(record, key, notes)
    if prompts and prompts[-1] == messages[0]:
        prompts.pop()
    return Conversation((*prompts, *messages)), read


def _system_prompt(record: Record, key: str, notes: RowNotes) -> list[Message]:
    value = record[key]
    if isinstance(value, dict) and value:
        return messages_of([{**value, "role": "system"}], notes=notes)
    text = text_or_nothing(record, key)
    return [Message("system", text)] if text else []


def _document(record: Record, _notes: RowNotes) -> Reading:
    key = first_of(DOCUMENT_KEYS, record) or "text"
    return PlainText(text_of(record, key)), (key,)


def _list_key(record: Record) -> str | None:
    """Return the key of a list of messages, one without a doubt."""
    if _LIST_KEYS.isdisjoint(record):
        return None
    if "messages" in record:
        return "messages"
    return next((key for key in LIST_KEYS if key in record and is_list_of_turns(record[key])), None)


def _is_oasst(record: Record) -> bool:
    if is_tree(record):
        return True
    return "role" in record and not record.keys().isdisjoint({"text", "content", "message_id"})


def _is_pair(record: Record) -> bool:
    if first_of(BOT_KEYS, record) is None:
        return False
    return first_of(USER_KEYS, record) is not None or isinstance(record.get("chosen"), list)


def _is_transcript(record: Record) -> bool:
    if isinstance(chosen := record.get("chosen"), str):
        return is_transcript(chosen)
    return isinstance(text := record.get("text"), str) and turns_inside(text) is not None


_TESTS: dict[str, Callable[[Record], bool]] = {
    "sharegpt": lambda record: "conversations" in record,
    "messages": lambda record: _list_key(record) is not None,
    "oasst": _is_oasst,
    "instructions": lambda record: "instruction" in record and bool(first_of(BOT_KEYS, record)),
    "pairs": _is_pair,
    "transcripts": _is_transcript,
    "documents": lambda record: first_of(DOCUMENT_KEYS, record) is not None,
}
"""The order matters: an OASST tree has a prompt, too, and instructions have an output."""


_READERS: dict[str, Callable[[Record, RowNotes], Reading]] = {
    "messages": _messages,
    "sharegpt": _messages,
    "instructions": _instructions,
    "pairs": _pair,
    "transcripts": _transcript,
    "documents": _document,
}
