"""Conversations from turns that follow one another, without ids."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from lumina_cli.conversation import Conversation, Message
from lumina_cli.data.report import Place


@dataclass(slots=True)
class TurnsInOrder:
    """Turns in the order of their rows: a turn that is not the bot's, after one that is,
    begins the next conversation."""

    _messages: list[Message] = field(default_factory=list)
    _begin: Place | None = None

    def push(self, message: Message, *, place: Place) -> Iterator[tuple[Place, Conversation]]:
        """Add a turn; yield the conversation that ended before it, if one did."""
        if self._messages and self._messages[-1].role == "bot" and message.role != "bot":
            yield from self.finish()
        self._begin = self._begin or place
        self._messages.append(message)

    def finish(self) -> Iterator[tuple[Place, Conversation]]:
        """Yield the last conversation."""
        if self._begin and self._messages:
            yield self._begin, Conversation(tuple(self._messages))
        self._messages, self._begin = [], None


def cut_after_last_reply(conversation: Conversation) -> Conversation | None:
    """Return a conversation up to the bot's last turn; None where the bot says nothing.

    Nothing can be learnt from a question that stays without a reply.
    """
    messages = conversation.messages
    end = len(messages)
    while end and messages[end - 1].role != "bot":
        end -= 1
    if end == len(messages):
        return conversation
    return Conversation(messages[:end], group=conversation.group) if end else None
