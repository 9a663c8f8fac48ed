"""OASST messages: one a row, or whole trees with the replies nested in them.

Either way each message becomes one `Node` with the id of the message it answers; the trees are
rebuilt from the ids alone (`trees.py`), whatever the order of the rows.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from lumina_cli.conversation import Role
from lumina_cli.data.rows import BadRow, Record, in_short, role_of, text_of

NO_RANK = 2**31 - 1
"""The rank of a message without one: it comes after all its siblings that have one."""

OASST_KEYS = frozenset(
    {
        "message_id",
        "parent_id",
        "role",
        "lang",
        "rank",
        "deleted",
        "review_result",
        "synthetic",
        "replies",
    }
)
"""What is read of a row beside its text."""


class Node(NamedTuple):
    """One message of a tree.

    `left_out` says why a valid message is not read; it is empty where it is read.
    """

    id: str
    parent: str | None
    role: Role
    text: str
    lang: str
    rank: int
    left_out: str


def is_oasst(record: Record) -> bool:
    """Say whether a row is an OASST message or tree, or a message with a role and no ids."""
    if is_tree(record):
        return True
    return "role" in record and not record.keys().isdisjoint({"text", "content", "message_id"})


def is_tree(record: Record) -> bool:
    """Say whether a row is a whole tree of messages, or a message with its replies inside.

    A column of replies that is empty makes no tree: such a row names the message it answers.
    """
    return bool(record.get("replies")) or isinstance(record.get("prompt"), dict)


def has_ids(record: Record) -> bool:
    """Say whether a row has an id, or names the message it answers.

    A row without either follows the one before it.
    """
    return record.get("message_id") is not None or record.get("parent_id") is not None


def node_of(record: Record, *, include_synthetic: bool) -> Node:
    """Return the message of a row. Raises BadRow."""
    parent = record.get("parent_id")
    left_out = reason_to_leave_out(record, include_synthetic=include_synthetic)
    return Node(
        id=_id(record.get("message_id"), "message_id"),
        parent=None if parent is None else _id(parent, "parent_id"),
        role=role_of(record.get("role")),
        text="" if left_out else text_of(record, "text"),
        lang=_lang_of(record.get("lang")),
        rank=rank_of(record.get("rank")),
        left_out=left_out,
    )


def unreadable_node(record: Record) -> Node | None:
    """Return the node of a row that can't be read: its id alone, None where it has none."""
    try:
        name = _id(record.get("message_id"), "message_id")
    except BadRow:
        return None
    return Node(name, None, "user", "", "", NO_RANK, left_out="it can't be read")


def messages_of_tree(record: Record, *, name: str) -> Iterator[Record]:
    """Yield the messages of a tree as rows, each before its replies, without recursion.

    Args:
        record: a tree ({"prompt": {…, "replies": […]}}), or its first message.
        name: what names messages that have no id of their own.
    """
    prompt = record if record.get("replies") else record["prompt"]
    tree = {key: record.get(key) for key in ("message_tree_id", "tree_state") if key in record}
    answers = record.get("parent_id") if prompt is record else None  # a branch cut from its tree
    waiting: list[tuple[object, object]] = [(prompt, answers)]
    number = 0
    while waiting:
        message, parent = waiting.pop()
        number += 1
        if not isinstance(message, dict):
            yield {"message_id": f"{name}#{number}", "parent_id": parent, "role": None}
            continue
        row: dict[str, Any] = {**message, "parent_id": parent}
        row.update({key: value for key, value in tree.items() if row.get(key) is None})
        replies = row.pop("replies", None)
        if row.get("message_id") is None:
            row["message_id"] = f"{name}#{number}"
        yield row
        if isinstance(replies, list | tuple):
            waiting.extend((reply, str(row["message_id"])) for reply in reversed(replies))


def reason_to_leave_out(record: Record, *, include_synthetic: bool) -> str:
    """Return why a valid message is not read, or an empty text. Raises BadRow."""
    if _flag(record, "deleted"):
        return "it was deleted"
    if _flag(record, "review_result", default=True) is False:
        return "its reviewers turned it down"
    if not include_synthetic and _flag(record, "synthetic"):
        return "a machine wrote it (--include-synthetic reads it)"
    return ""


def _flag(record: Record, key: str, *, default: bool = False) -> bool:
    """Return a boolean, which tables may spell as 0, 1, "true" or "False"."""
    value = record.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or value in (0, 1):
        return bool(value)
    word = value.strip().lower() if isinstance(value, str) else None
    if word in ("true", "false", ""):
        return word == "true" if word else default
    raise BadRow(f"its {key} is neither true nor false", example=f"{key}: {in_short(value)}")


def _id(value: object, key: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise BadRow(f"its {key} is missing or no text")
    return str(value)


def _lang_of(value: object) -> str:
    return value.strip().lower() if isinstance(value, str) else ""


def rank_of(value: object) -> int:
    """Return a rank, or NO_RANK for what is no whole number from 0."""
    if isinstance(value, str) and value.strip().isdecimal():  # as tables have it
        value = int(value.strip()[:10])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return NO_RANK
    return int(value) if 0 <= value < NO_RANK and value == int(value) else NO_RANK
