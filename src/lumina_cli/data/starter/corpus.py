"""The starter corpus: conversations to learn from, and questions held out to ask afterwards.

The conversations follow from a seed. What is held out does not: no corpus of any seed has
learnt from a question that another seed asks.
"""

import random
from dataclasses import dataclass

from lumina_cli.conversation import Conversation, Message
from lumina_cli.data.starter.exchange import Exchange, Turn, question_key, typed
from lumina_cli.data.starter.handwritten import written
from lumina_cli.data.starter.mix import (
    MIX,
    Messages,
    Part,
    Place,
    assemble,
    follow_ups,
    sample_exchanges,
)

PLAIN_QUESTIONS = (
    "Hello",
    "What is your name?",
    "What comes after Tuesday?",
    "What is 3 plus 4?",
)
"""What the README asks first: learnt in just this form, again and again."""

FIRST_QUESTIONS = (
    "Hello!",
    "Hi!",
    "Hey!",
    "Good morning!",
    "How are you?",
    "I am fine.",
    "Who are you?",
    "What are you?",
    "What is your name?",
    "What's your name?",
    "How old are you?",
    "Are you human?",
    "Are you a robot?",
    "What can you do?",
    "Who made you?",
    "How do you work?",
    "Tell me a joke.",
    "Tell me another joke.",
    "Tell me a story.",
    "Do you like music?",
    "I am sad.",
    "I am happy.",
    "What is 2+2?",
    "What is 2 + 2?",
    "2+2",
    "Spell cat.",
    "Count to 5.",
    "What day comes after Monday?",
    "Thanks!",
    "Thank you!",
    "Bye!",
    "Goodbye!",
)
"""What a newcomer types in the first minute: learnt more often than its kind would be."""

_NUM_PLAIN = 40
_NUM_FIRST = 35
_MAX_QUESTIONS = 40
_MAIN_WORDING_SHARE = 0.5
_SECOND_TURN_SHARE = 0.35
_THIRD_TURN_SHARE = 0.4
_MAX_TALK_CHARS = 112
"""A question with what was said before it and its reply: what a small model can see at once."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question that the corpus has held out.

    `conversation` ends with it; `answers` are the replies that count as right.
    """

    family: str
    conversation: Conversation
    answers: tuple[str, ...]


def conversations(*, seed: int = 0) -> list[Conversation]:
    """The conversations to learn from, about two million characters, in random order."""
    rng = random.Random(seed)
    pools: dict[Place, list[Messages]] = {"opens": [], "within": [], "closes": [], "alone": []}
    exchanges: list[Exchange] = []
    for part in MIX:
        made = part.exchanges()
        exchanges += made
        pools[part.place] += sample_exchanges(made, num_chars=part.num_chars, rng=rng)
    pools["alone"] += _alone(PLAIN_QUESTIONS * _NUM_PLAIN, exchanges=exchanges)
    hasty = tuple(typed(text, rng=rng) for text in FIRST_QUESTIONS * _NUM_FIRST)
    pools["alone"] += _alone(hasty, exchanges=exchanges)
    return [
        Conversation(talk) for talk in assemble(pools, follow_ups=follow_ups(exchanges), rng=rng)
    ]


def _alone(asked: tuple[str, ...], *, exchanges: list[Exchange]) -> list[Messages]:
    """Questions with the replies they have everywhere, as conversations of one turn."""
    replies = {
        question_key(wording): exchange.turns[0].reply
        for exchange in exchanges
        if len(exchange.turns) == 1
        for wording in exchange.turns[0].wordings
    }
    return [(Message("user", text), Message("bot", replies[question_key(text)])) for text in asked]


def questions(*, seed: int = 0) -> list[Question]:
    """The questions held out, family by family; the seed picks among them and words them."""
    rng = random.Random(seed)
    by_family: dict[str, list[Question]] = {}
    for part in MIX:
        by_family.setdefault(part.family, []).extend(_held_out(part, rng=rng))
    for family, asked in by_family.items():
        by_family[family] = rng.sample(asked, min(len(asked), _MAX_QUESTIONS))
    return [question for asked in by_family.values() for question in asked]


def _held_out(part: Part, *, rng: random.Random) -> list[Question]:
    found = []
    for exchange in part.exchanges():
        for number, turn in enumerate(exchange.turns):
            for wording in _asked(turn, rng=rng):
                before = _messages(exchange.turns[:number], rng=rng)
                room = _MAX_TALK_CHARS - len(wording) - len(turn.reply)
                if not before and part.place == "within":
                    before = _earlier(room, rng=rng)
                asked = Message("user", typed(wording, rng=rng))
                found.append(Question(part.family, Conversation((*before, asked)), (turn.reply,)))
    return found


def _asked(turn: Turn, *, rng: random.Random) -> tuple[str, ...]:
    """The held-out wordings of a turn; of a turn held out in all wordings, one of them."""
    if turn.wordings or not turn.held_out:
        return turn.held_out
    if rng.random() < _MAIN_WORDING_SHARE:
        return turn.held_out[:1]
    return (rng.choice(turn.held_out),)


def _messages(turns: tuple[Turn, ...], *, rng: random.Random) -> Messages:
    """Turns as somebody might have typed them."""
    return tuple(
        message
        for turn in turns
        for message in (
            Message("user", typed(rng.choice(turn.wordings), rng=rng)),
            Message("bot", turn.reply),
        )
    )


def _earlier(room: int, *, rng: random.Random) -> Messages:
    """Now and then a greeting, at times with a question to the bot after it, if there is room."""
    if rng.random() > _SECOND_TURN_SHARE:
        return ()
    turns = rng.choice(written("greetings")).turns
    if rng.random() < _THIRD_TURN_SHARE:
        turns += rng.choice(written("lumina")).turns
    messages = _messages(turns, rng=rng)
    return messages if sum(len(message.text) for message in messages) <= room else ()


def is_right(reply: str, question: Question) -> bool:
    """Whether the reply is one of the answers; case and a final mark are forgiven."""
    return _bare(reply) in {_bare(answer) for answer in question.answers}


def _bare(reply: str) -> str:
    return reply.strip().rstrip(".!?").rstrip().casefold()
