"""Messages between people as conversations between a user and the bot.

One or several of the speakers are the bot, everyone else is the user. Messages in a row by one
speaker are joined, a line each. A pause begins a new conversation. Exports that begin with the
newest message are turned round, conversation by conversation.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from lumina_cli.conversation import Conversation, Message, Role
from lumina_cli.data.chats.message import ChatMessage, same_name
from lumina_cli.data.report import LocatedDocument, ReadReport

MAX_CHARS = 1_000_000
"""Of a conversation: a thread without dates or pauses is cut here, so that memory is bounded."""

MAX_OPEN_CHARS = 8_000_000
"""Of all threads that go on side by side; then the one that waited longest is done."""

MAX_OPEN_THREADS = 10_000
MAX_SPEAKERS = 100_000
OTHERS = "…"
"""Counted under this name are speakers beyond so many."""


@dataclass(slots=True)
class _Thread:
    """The messages of the conversation that is being collected, and which way time goes."""

    messages: list[ChatMessage] = field(default_factory=list)
    num_chars: int = 0
    last_time: float | None = None
    steps: int = 0
    """Messages that came later than the one before, less those that came earlier."""


class Conversations:
    """Collects messages, thread by thread, and yields conversations when they are complete.

    Args:
        bots: names of the speakers who are the bot.
        gap_s: the pause that begins a new conversation, None for no such pause.
        report: speakers and what is left out are counted here.
    """

    def __init__(self, *, bots: Collection[str], gap_s: float | None, report: ReadReport) -> None:
        self._bots = {same_name(name) for name in bots}
        self._gap_s = gap_s
        self._report = report
        self._threads: dict[str, _Thread] = {}
        self._num_chars = 0
        self._names: dict[str, str] = {}

    def push(self, message: ChatMessage) -> Iterator[LocatedDocument]:
        """Take a message; yield the conversations that it ends."""
        self._count_speaker(message)
        thread = self._threads.pop(message.thread, None) or _Thread()
        if thread.messages and self._begins_anew(message, thread):
            yield from self._done(thread)
            thread = _Thread(steps=_sign(thread.steps), last_time=None)
        self._threads[message.thread] = thread  # the latest stands last
        self._add(message, thread)
        while self._num_chars > MAX_OPEN_CHARS or len(self._threads) > MAX_OPEN_THREADS:
            yield from self._done(self._threads.pop(next(iter(self._threads))))

    def finish(self) -> Iterator[LocatedDocument]:
        """Yield the conversations that are left."""
        while self._threads:
            yield from self._done(self._threads.pop(next(iter(self._threads))))

    def _add(self, message: ChatMessage, thread: _Thread) -> None:
        if message.time is not None:
            if thread.last_time is not None:
                thread.steps += _sign(message.time - thread.last_time)
            thread.last_time = message.time
        thread.messages.append(message)
        thread.num_chars += len(message.text)
        self._num_chars += len(message.text)

    def _begins_anew(self, message: ChatMessage, thread: _Thread) -> bool:
        if message.begins or message.role == "system":
            return True
        if thread.num_chars + len(message.text) > MAX_CHARS:
            wording = "a conversation of more than a million characters is cut there"
            self._report.notices.add(wording, message.location)
            return True
        if self._gap_s is None or message.time is None or thread.last_time is None:
            return False
        return abs(message.time - thread.last_time) > self._gap_s

    def _done(self, thread: _Thread) -> Iterator[LocatedDocument]:
        """Yield the conversation of a thread, if the bot says something in it."""
        self._num_chars -= thread.num_chars
        messages = thread.messages
        if not messages:
            return
        if thread.steps < 0:
            messages = messages[::-1]
        turns = [
            _joined(list(turn)) for _, turn in groupby(messages, key=lambda each: each.speaker)
        ]
        roles = [self._role_of(turn) for turn in turns]
        location = messages[0].location
        if "bot" not in roles:
            wording = "the bot says nothing in the conversation"
            self._report.left_out.add(wording, location, count=len(messages))
            return
        if "user" not in roles:
            self._report.notices.add("the bot talks to nobody in the conversation", location)
        pairs = zip(roles, turns, strict=True)
        yield location, Conversation(tuple(Message(role, turn.text) for role, turn in pairs))

    def _role_of(self, message: ChatMessage) -> Role:
        if message.role == "system" or (message.role and not self._bots):
            return message.role
        return "bot" if self._same_name(message.speaker) in self._bots else "user"

    def _same_name(self, name: str) -> str:
        found = self._names.get(name)
        if found is None:
            if len(self._names) >= MAX_SPEAKERS:
                self._names.clear()
            found = self._names[name] = same_name(name)
        return found

    def _count_speaker(self, message: ChatMessage) -> None:
        count_speaker(self._report, message)


def count_speaker(report: ReadReport, message: ChatMessage) -> None:
    """Count a message under its speaker, or under that of all others where there are too many."""
    speakers, name = report.speakers, message.speaker
    if message.role is None:
        speakers[name if name in speakers or len(speakers) < MAX_SPEAKERS else OTHERS] += 1


def _joined(turn: list[ChatMessage]) -> ChatMessage:
    """Return messages in a row by one speaker as one."""
    if len(turn) == 1:
        return turn[0]
    first = turn[0]
    text = "\n".join(message.text for message in turn)
    return ChatMessage(first.speaker, text, first.time, first.location, first.thread, first.role)


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)
