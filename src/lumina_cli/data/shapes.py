"""The shapes of rows that people have, and how each becomes a conversation or a text.

    oasst         {"message_id", "parent_id", "text", "role", …}, or trees of them
    messages      {"messages": [{"role", "content"}]}
    sharegpt      {"conversations": [{"from", "value"}]}
    pairs         {"user", "bot"} {"prompt", "completion"} {"prompt", "response"}
                  {"input", "output"}
    instructions  {"instruction", "input", "output"}
    documents     {"text"}, or a bare string

The keys of a row tell its shape. Roles and texts are checked here, once for all shapes.
"""

from collections.abc import Callable, Mapping
from typing import Any

from lumina_cli.conversation import ROLE_NAMES, Conversation, Document, Message, PlainText, Role

PAIRS = (("user", "bot"), ("prompt", "completion"), ("prompt", "response"), ("input", "output"))

COLUMNS = frozenset(
    {
        "message_id",
        "parent_id",
        "text",
        "role",
        "lang",
        "rank",
        "deleted",
        "review_result",
        "synthetic",
        "replies",
        "prompt",
        "messages",
        "conversations",
        "user",
        "bot",
        "completion",
        "response",
        "instruction",
        "input",
        "output",
    }
)
"""All that is ever read of a row; other columns of a table are left alone."""

Record = Mapping[str, Any]


class BadRow(ValueError):
    """A row that can't be read: why, in fixed words, and what it had instead.

    Args:
        wording: why, without parts that vary from row to row.
        example: what stood there.
    """

    def __init__(self, wording: str, *, example: str = "") -> None:
        super().__init__(wording)
        self.wording = wording
        self.example = example[:80]


def shape_of(value: object) -> str:
    """Return the name of the shape of a row.

    Raises:
        BadRow: it has none that is known.
    """
    if isinstance(value, str):
        return "documents"
    if not isinstance(value, dict):
        raise BadRow("it is no object with keys", example=f"it is {_kind(value)}")
    for name, test in _TESTS.items():
        if test(value):
            return name
    keys = ", ".join(map(str, value)) or "none"
    raise BadRow("its keys are those of no known format", example=f"keys: {keys}")


def document_of(value: object, *, shape: str) -> Document:
    """Return the conversation or text of a row. Raises BadRow."""
    if isinstance(value, str) and shape == "documents":
        return PlainText(_filled(value, "the text"))
    if not isinstance(value, dict):
        raise BadRow("it is no object with keys", example=f"it is {_kind(value)}")
    return _READERS[shape](value)


def is_tree(record: Record) -> bool:
    """Say whether a row is a whole tree of messages, or one message with the replies inside.

    A column of replies that is empty makes no tree: such a row names what it answers itself.
    """
    return bool(record.get("replies")) or isinstance(record.get("prompt"), dict)


def role_of(value: object) -> Role:
    """Return the role that a data set's name stands for, in whatever case. Raises BadRow."""
    if value is None:
        raise BadRow("its role is missing")
    role = ROLE_NAMES.get(value.strip().lower()) if isinstance(value, str) else None
    if role is None:
        raise BadRow("its role is unknown", example=f"role: {value}")
    return role


def text_of(record: Record, key: str) -> str:
    """Return a text that is there and not blank. Raises BadRow."""
    return _filled(record.get(key), f"its {key}")


def _filled(value: object, what: str) -> str:
    if value is None:
        raise BadRow(f"{what} is missing")
    if not isinstance(value, str):
        raise BadRow(f"{what} is {_kind(value)}, not text")
    if not value.strip():
        raise BadRow(f"{what} is empty")
    return value


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list | tuple) else "an object"


def _messages(record: Record) -> Document:
    turns = record["messages"] if "messages" in record else record.get("conversations")
    if not isinstance(turns, list | tuple):
        raise BadRow(f"its list of messages is {_kind(turns)}")
    if not turns:
        raise BadRow("its list of messages is empty")
    return Conversation(tuple(map(_message, turns)))


def _message(turn: object) -> Message:
    if not isinstance(turn, dict):
        raise BadRow("a message is no object with keys", example=f"it is {_kind(turn)}")
    from_value = "from" in turn and "role" not in turn
    role, text = ("from", "value") if from_value else ("role", "content")
    return Message(role_of(turn.get(role)), text_of(turn, text))


def _pair(record: Record) -> Document:
    for user, bot in PAIRS:
        if user in record and bot in record:
            return _exchange(text_of(record, user), text_of(record, bot))
    raise BadRow("it has no pair of question and answer")


def _instructions(record: Record) -> Document:
    """Join the instruction and what it is about, if anything, as the user's turn."""
    about = record.get("input")
    if not isinstance(about, str | None):
        raise BadRow(f"its input is {_kind(about)}, not text")
    question = text_of(record, "instruction")
    if about and about.strip():
        question = f"{question}\n\n{about}"
    return _exchange(question, text_of(record, "output"))


def _exchange(question: str, answer: str) -> Conversation:
    return Conversation((Message("user", question), Message("bot", answer)))


def _document(record: Record) -> Document:
    return PlainText(text_of(record, "text"))


def _is_oasst_row(record: Record) -> bool:
    return "role" in record and not record.keys().isdisjoint({"text", "message_id", "replies"})


_TESTS: dict[str, Callable[[Record], bool]] = {
    "messages": lambda record: "messages" in record,
    "sharegpt": lambda record: "conversations" in record,
    "oasst": lambda record: is_tree(record) or _is_oasst_row(record),
    "instructions": lambda record: "instruction" in record and "output" in record,
    "pairs": lambda record: any(user in record and bot in record for user, bot in PAIRS),
    "documents": lambda record: "text" in record,
}
"""The order matters: an OASST tree has a prompt, too, and instructions have an output."""


_READERS: dict[str, Callable[[Record], Document]] = {
    "messages": _messages,
    "sharegpt": _messages,
    "instructions": _instructions,
    "pairs": _pair,
    "documents": _document,
}
