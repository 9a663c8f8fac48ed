"""Rows of one message each, without ids: they follow one another in the order of the file.

{"role": "user", "content": "Hello"}
{"role": "assistant", "content": "Hi!"}
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from lumina_cli.conversation import Conversation, Message
from lumina_cli.data.report import Location


@dataclass(slots=True)
class RowsInOrder:
    """Groups messages into conversations: one ends where another speaker follows the bot."""

    _messages: list[Message] = field(default_factory=list)
    _begin: Location | None = None

    def push(
        self, message: Message, *, location: Location
    ) -> Iterator[tuple[Location, Conversation]]:
        """Add a message; yield the conversation that ended before it, if one did."""
        if self._messages and self._messages[-1].role == "bot" and message.role != "bot":
            yield from self.finish()
        self._begin = self._begin or location
        self._messages.append(message)

    def finish(self) -> Iterator[tuple[Location, Conversation]]:
        """Yield the last conversation."""
        if self._begin and self._messages:
            yield self._begin, Conversation(tuple(self._messages))
        self._messages, self._begin = [], None
