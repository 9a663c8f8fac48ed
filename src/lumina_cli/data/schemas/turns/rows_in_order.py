"""Rows of one message each, without ids: they follow one another in the order of the file.

{"role": "user", "content": "Hello"}
{"role": "assistant", "content": "Hi!"}
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from lumina_cli.conversation import Conversation, Message
from lumina_cli.data.report import Location
from lumina_cli.data.schemas.turns.speakers import Speakers


@dataclass(slots=True)
class RowsInOrder:
    """Groups messages into conversations: one ends where another speaker follows the bot.

    Where rows tell of which conversation they are, one ends where the next one is of another.
    """

    _speakers: Speakers = field(default_factory=Speakers)
    _messages: list[Message] = field(default_factory=list)
    _begin: Location | None = None
    _conversation: str | None = None

    def push(
        self, message: Message, *, location: Location, conversation: str | None = None
    ) -> Iterator[tuple[Location, Conversation]]:
        """Add a message; yield the conversation that ended before it, if one did."""
        if self.begins_anew(conversation, message):
            yield from self.finish()
        self._begin = self._begin or location
        self._conversation = conversation
        self._messages.append(message)

    def speakers_of(self, conversation: str | None) -> Speakers:
        """Return who has spoken so far, in this conversation or in a file that tells of none."""
        if conversation != self._conversation:
            self._speakers = Speakers()
        return self._speakers

    def begins_anew(self, conversation: str | None, message: Message) -> bool:
        """Say whether a message is of another conversation than those before it."""
        if not self._messages:
            return False
        if conversation != self._conversation or conversation is not None:
            return conversation != self._conversation
        return self._messages[-1].role == "bot" and message.role != "bot"

    def finish(self) -> Iterator[tuple[Location, Conversation]]:
        """Yield the last conversation."""
        if self._begin and self._messages:
            yield self._begin, Conversation(tuple(self._messages))
        self._messages, self._begin = [], None
