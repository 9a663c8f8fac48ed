"""Chats with characters as SillyTavern and its kin keep them (.jsonl): a header, a message a line.

{"user_name": "Ann", "character_name": "Robin", "chat_metadata": {}}
{"name": "Robin", "is_user": false, "mes": "Hi!", "swipes": ["Hi!", "Hello."], "swipe_id": 0}
{"name": "Ann", "is_user": true, "mes": "Hello"}

A conversation goes on to the next header. Replies that were swiped away and messages that are
hidden from the bot are counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from lumina_cli.conversation import Conversation, Message, Role
from lumina_cli.data.report import Location
from lumina_cli.data.rows import Record, RowNotes, non_blank
from lumina_cli.data.schemas.schema import Schema

_HEADER_KEYS = frozenset(("user_name", "character_name"))


def _is_header(record: Record) -> bool:
    return "mes" not in record and ("chat_metadata" in record or record.keys() >= _HEADER_KEYS)


def _is_line(record: Record) -> bool:
    return "mes" in record and ("is_user" in record or "name" in record)


@dataclass(slots=True)
class CharacterChat:
    """Groups the lines of a file into conversations."""

    _messages: list[Message] = field(default_factory=list)
    _begin: Location | None = None

    def push(self, record: Record, notes: RowNotes) -> Iterator[tuple[Location, Conversation]]:
        """Add a line; yield the conversation that ended before it, if it is a header.

        Raises:
            BadRow: it is neither a header nor a message with text.
        """
        if _is_header(record):
            yield from self.finish()
            return
        if message := _message(record, notes):
            self._begin = self._begin or notes.location
            self._messages.append(message)

    def finish(self) -> Iterator[tuple[Location, Conversation]]:
        """Yield the last conversation."""
        if self._begin:
            yield self._begin, Conversation(tuple(self._messages))
        self._messages, self._begin = [], None


def _message(record: Record, notes: RowNotes) -> Message | None:
    """Return what a line says; None for one that is hidden, or no more than a picture."""
    text = _plain(record.get("mes"))
    extra = record.get("extra")
    extra = extra if isinstance(extra, dict) else {}
    if record.get("is_system"):
        notes.leave_out("a message that is hidden from the bot")
        return None
    _count_swipes(record, text, notes)
    if extra.get("reasoning"):
        notes.leave_out("what the bot thought before it spoke")
    if extra.get("image") or extra.get("media"):
        notes.leave_out("a picture in a message")
    if isinstance(text, str) and not text.strip():
        notes.leave_out("a message without text")
        return None
    role: Role = "user" if record.get("is_user") else "bot"
    if extra.get("type") == "narrator":
        role = "system"
    return Message(role, non_blank(text, "its mes"))


def _plain(value: object) -> object:
    """Return a text; Chub's chats wrap it into an object."""
    return value.get("message") if isinstance(value, dict) else value


def _count_swipes(record: Record, text: object, notes: RowNotes) -> None:
    swipes = record.get("swipes")
    others = [each for each in swipes if _plain(each) != text] if isinstance(swipes, list) else []
    if others:
        wording = "a reply that was swiped away"
        notes.report.left_out.add(wording, notes.location, count=len(others))


SILLY_TAVERN = Schema(
    matches=lambda record: _is_line(record) or _is_header(record), parse=None, keys=_HEADER_KEYS
)
