"""What of a conversation the model reads: as much as its context holds.

The system message and the newest turns stay, the oldest whole turns go. When some must go,
more of them do than must, so that the turns that follow find room and what was read stays
read. Of a single message that is longer than all, the newest part is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lumina_cli.conversation import Message
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.chat_format import ROLE_IDS, encode_message
from lumina_cli.tokenizer.special_ids import Special

CUT = "The model reads {} characters at once: only the newest part is read."
FORGETS = "The model reads {} characters at once: it forgets the oldest turns."
MOVED_ON = "The model reads {} characters at once: it goes on from the later half of what it said."
"""What to tell of a text that is longer than a context of so many characters."""

_FRAME = 2  # a message's role id and <|end|>


@dataclass(frozen=True, slots=True)
class Context:
    """The ids of a prompt, and what had to be left out of it."""

    ids: list[int]
    turns_dropped: int = 0
    is_cut: bool = False


def fit_context(
    messages: Sequence[Message], *, tokenizer: Tokenizer, max_ids: int, spare_ids: int = 0
) -> Context:
    """Return the prompt for the bot's next reply within `max_ids` ids.

    Args:
        messages: a system message or none, then turns (user, bot), and last what the user says.
        tokenizer: that of the model.
        max_ids: room for the prompt, at least 6.
        spare_ids: when turns must go, so much room is made beyond what is needed.
    """
    assert messages, "there is something to answer"
    assert messages[-1].role == "user", messages[-1].role
    system = messages[:1] if messages[0].role == "system" else []
    head: list[int] = [Special.BEGIN]
    is_cut = False
    for message in system:
        ids, is_cut = _newest_part(message, tokenizer=tokenizer, max_ids=max_ids // 2)
        head += ids
    room = max_ids - len(head) - 1
    question, question_is_cut = _newest_part(messages[-1], tokenizer=tokenizer, max_ids=room)
    turns = _turns(messages[len(system) : -1])
    sizes = [[_size(message, tokenizer=tokenizer, limit=room) for message in t] for t in turns]
    dropped = _num_dropped([*sizes, [len(question)]], room=room, spare_ids=spare_ids)
    for turn in turns[dropped:]:
        for message in turn:
            head += encode_message(message, tokenizer=tokenizer)
    prompt = [*head, *question, Special.BOT]
    return Context(prompt, turns_dropped=dropped, is_cut=is_cut or question_is_cut)


def _num_dropped(sizes: Sequence[Sequence[int]], *, room: int, spare_ids: int) -> int:
    """Return how many of the oldest turns are no longer read at the last one.

    The chat is gone through from its beginning, so that it comes to the same after a turn is
    taken back or a chat is loaded.

    Args:
        sizes: of the messages of each turn, in ids; of the last turn only the question.
        room: for all of them together.
        spare_ids: what is made free beyond what is needed.
    """
    first = held = 0
    for number, turn in enumerate(sizes):
        question = min(turn[0], room)
        if held + question > room:
            while first < number and held + question > room - spare_ids:
                held -= sum(sizes[first])
                first += 1
        held += sum(turn)
    return first


def _size(message: Message, *, tokenizer: Tokenizer, limit: int) -> int:
    """Return the length of a message in ids; above `limit` a lower bound that is above it too."""
    fewest = len(message.text) // tokenizer.max_chars_per_id
    if fewest > limit:
        return fewest
    return len(encode_message(message, tokenizer=tokenizer))


def _turns(messages: Sequence[Message]) -> list[list[Message]]:
    """Cut a conversation before each user message."""
    turns: list[list[Message]] = []
    for message in messages:
        if message.role == "user" or not turns:
            turns.append([])
        turns[-1].append(message)
    return turns


def _newest_part(message: Message, *, tokenizer: Tokenizer, max_ids: int) -> tuple[list[int], bool]:
    """Return the ids of a message, and whether only the end of its text had room."""
    room = max(max_ids - _FRAME, 0)
    tail = message.text[-room * tokenizer.max_chars_per_id :] if room else ""
    ids = np.array(tokenizer.encode(tail), dtype=np.int64)
    start = max(len(ids) - room, 0)
    while start and start < len(ids) and not tokenizer.num_chars(ids[start : start + 1]):
        start += 1  # half a character is none
    is_cut = start > 0 or len(tail) < len(message.text)
    return [ROLE_IDS[message.role], *ids[start:].tolist(), Special.END], is_cut
