"""Conversations as Claude exports them (conversations.json): messages with blocks of content.

{"uuid": "…", "name": "…", "chat_messages": [
    {"sender": "human", "text": "Hello", "content": [{"type": "text", "text": "Hello"}]},
    {"sender": "assistant", "text": "Hi!", "content": [{"type": "text", "text": "Hi!"}]}]}

Where messages name what they answer (`parent_message_uuid`), the branch is read that the program
shows: the one to `current_leaf_message_uuid`, or to the newest message.
"""

import re

from lumina_cli.conversation import Conversation, Message
from lumina_cli.data.rows import BadRow, LeftOutRow, Record, RowNotes, in_short, role_of, type_name
from lumina_cli.data.schemas.assistants.message_tree import leaves_of, path_to
from lumina_cli.data.schemas.schema import ParsedRow, Schema

_BLOCKS = {
    "thinking": "what the bot thought before it spoke",
    "redacted_thinking": "what the bot thought before it spoke",
    "tool_use": "a message calls a tool or is what a tool said",
    "tool_result": "a message calls a tool or is what a tool said",
    "image": "a picture in a message",
}
_NO_WORDS = ("token_budget", "flag")
_PLACEHOLDER = re.compile(
    r"\n*```\n?This block is not supported on your current device yet\.\n?```\n*"
)
_ACCOUNT_ROWS = (
    frozenset(("uuid", "full_name", "email_address")),  # users.json
    frozenset(("uuid", "prompt_template", "docs")),  # projects.json
    frozenset(("account_uuid", "conversations_memory")),  # memories.json
)

_ACCOUNT_SIGNS = frozenset(("email_address", "prompt_template", "conversations_memory"))


def _is_account_row(record: Record) -> bool:
    return not _ACCOUNT_SIGNS.isdisjoint(record) and any(
        row <= record.keys() for row in _ACCOUNT_ROWS
    )


def _parse(record: Record, notes: RowNotes) -> ParsedRow:
    turns = record.get("chat_messages")
    if not isinstance(turns, list):
        if _is_account_row(record):
            raise LeftOutRow("it tells of the account, and is no conversation")
        raise BadRow(f"its chat_messages is {type_name(turns)}")
    shown = _shown_branch(record, [turn for turn in turns if isinstance(turn, dict)], notes)
    messages = [message for turn in shown if (message := _message(turn, notes))]
    if not messages:
        raise LeftOutRow("nobody says a word in the conversation")
    return Conversation(tuple(messages)), record.keys()


def _shown_branch(record: Record, turns: list[Record], notes: RowNotes) -> list[Record]:
    """Return the messages of the branch that the program shows; those of others are counted."""
    by_name = {name: turn for turn in turns if isinstance(name := turn.get("uuid"), str)}
    parents = {name: _parent(turn) for name, turn in by_name.items()}
    all_named = len(by_name) == len(turns) and None not in parents.values()
    if not all_named or by_name.keys().isdisjoint(parents.values()) or len(leaves_of(parents)) < 2:
        return turns  # a list without branches stands in its order
    leaf = record.get("current_leaf_message_uuid")
    if leaf not in by_name:
        leaf = max(leaves_of(parents), key=lambda name: str(by_name[name].get("created_at")))
    assert isinstance(leaf, str)
    path = path_to(leaf, parents=parents)
    wording = "a message of a branch that was not gone on with"
    notes.report.left_out.add(wording, notes.location, count=len(turns) - len(path))
    return [by_name[name] for name in path]


def _parent(turn: Record) -> str | None:
    parent = turn.get("parent_message_uuid")
    return parent if isinstance(parent, str) else None


def _message(turn: Record, notes: RowNotes) -> Message | None:
    """Return what somebody says, None for nothing; what is no text is counted."""
    text = _text(turn, notes)
    for attachment in _list(turn, "attachments"):
        with_text = isinstance(attachment, dict) and attachment.get("extracted_content")
        notes.leave_out("the text of a file beside a message" if with_text else _FILE)
    for _ in [*_list(turn, "files"), *_list(turn, "files_v2")]:
        notes.leave_out(_FILE)
    if not text.strip():
        return None
    return Message(role_of(turn.get("sender")), text)


_FILE = "a file beside a message"


def _text(turn: Record, notes: RowNotes) -> str:
    """Return the blocks of text, a blank line between them; the plain `text` if there are none."""
    blocks = _list(turn, "content")
    texts = []
    for block in blocks:
        kind = block.get("type") if isinstance(block, dict) else None
        text = block.get("text") if isinstance(block, dict) else block
        if isinstance(text, str) and kind not in _BLOCKS:
            texts.append(text)
        elif kind not in _NO_WORDS:
            wording = _BLOCKS.get(kind) if isinstance(kind, str) else None
            notes.leave_out(wording or "a part of a message is no text", example=in_short(kind))
    texts = [text for text in texts if text.strip()]
    whole = turn.get("text")
    if not texts and isinstance(whole, str):
        return _PLACEHOLDER.sub("\n\n", whole).strip("\n")
    return "\n\n".join(texts)


def _list(turn: Record, key: str) -> list[object]:
    value = turn.get(key)
    return value if isinstance(value, list) else []


CLAUDE = Schema(
    matches=lambda record: "chat_messages" in record or _is_account_row(record),
    parse=_parse,
    keys=frozenset(["chat_messages", "current_leaf_message_uuid"]),
)
