"""What of a conversation the model reads: as much as its context holds.

The system message and the newest turns stay, the oldest whole turns go. Of a single
message that is longer than all, the newest part is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lumina_cli.conversation import Message
from lumina_cli.tokenizer.chat_format import ROLE_IDS, encode_message
from lumina_cli.tokenizer.ids import FIRST_BYTE, Special
from lumina_cli.tokenizer.vocabulary import Vocabulary

_FRAME = 2  # a message's role id and <|end|>


@dataclass(frozen=True, slots=True)
class Context:
    """The ids of a prompt, and what had to be left out of it."""

    ids: list[int]
    turns_dropped: int = 0
    is_cut: bool = False


def fit_context(messages: Sequence[Message], *, vocabulary: Vocabulary, max_ids: int) -> Context:
    """Return the prompt for the bot's next reply within `max_ids` ids.

    Args:
        messages: a system message or none, then turns (user, bot), and last what the user says.
        vocabulary: the characters and their ids.
        max_ids: room for the prompt, at least 6.
    """
    assert messages, "there is something to answer"
    assert messages[-1].role == "user", messages[-1].role
    system = messages[:1] if messages[0].role == "system" else []
    turns = _turns(messages[len(system) : -1])
    head: list[int] = [Special.BEGIN]
    is_cut = False
    for message in system:
        ids, is_cut = _newest_part(message, vocabulary=vocabulary, max_ids=max_ids // 2)
        head += ids
    room = max_ids - len(head) - 1
    question, question_is_cut = _newest_part(messages[-1], vocabulary=vocabulary, max_ids=room)
    room -= len(question)
    kept: list[int] = []
    dropped = len(turns)
    for turn in reversed(turns):
        if sum(len(message.text) for message in turn) > room:  # no id is longer than a character
            break
        ids = [id_ for message in turn for id_ in encode_message(message, vocabulary=vocabulary)]
        if len(ids) > room:
            break
        kept = ids + kept
        room -= len(ids)
        dropped -= 1
    prompt = [*head, *kept, *question, Special.BOT]
    return Context(prompt, turns_dropped=dropped, is_cut=is_cut or question_is_cut)


def _turns(messages: Sequence[Message]) -> list[list[Message]]:
    """Cut a conversation before each user message."""
    turns: list[list[Message]] = []
    for message in messages:
        if message.role == "user" or not turns:
            turns.append([])
        turns[-1].append(message)
    return turns


def _newest_part(
    message: Message, *, vocabulary: Vocabulary, max_ids: int
) -> tuple[list[int], bool]:
    """Return the ids of a message, and whether only the end of its text had room."""
    room = max(max_ids - _FRAME, 0)
    tail = message.text[-room:] if room else ""  # no id is longer than a character
    ids = vocabulary.encode(tail)
    start = max(len(ids) - room, 0)
    while start and start < len(ids) and _is_continuation(ids[start]):
        start += 1  # half a character is none
    is_cut = start > 0 or len(tail) < len(message.text)
    return [ROLE_IDS[message.role], *ids[start:], Special.END], is_cut


def _is_continuation(id_: int) -> bool:
    return FIRST_BYTE + 0x80 <= id_ < FIRST_BYTE + 0xC0
