"""The mix: how much of the corpus each kind of exchange is, and in which order they follow."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from lumina_cli.conversation import Message
from lumina_cli.data.starter.exchange import Exchange, question_key, typed
from lumina_cli.data.starter.families import knowledge, memory, numbers, words
from lumina_cli.data.starter.handwritten import written

SMALL_TALK = "small talk"

Place = Literal["opens", "within", "closes", "alone"]
"""Where in a conversation an exchange may be: first, between others, last, or by itself."""

Messages = tuple[Message, ...]
"""The messages of an exchange, with one of its wordings for each question."""


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of exchange in the mix."""

    name: str
    exchanges: Callable[[], tuple[Exchange, ...]]
    num_chars: int
    place: Place = "within"

    @property
    def family(self) -> str:
        """The name in the report: all that is written by hand is small talk."""
        return SMALL_TALK if self.name.startswith("written: ") else self.name


def _by_hand(kind: str, num_chars: int, *, place: Place = "within") -> Part:
    return Part(f"written: {kind}", lambda: written(kind), num_chars, place)


MIX = (
    # What is written by hand: over a third.
    _by_hand("greetings", 50_000, place="opens"),
    _by_hand("goodbyes", 45_000, place="closes"),
    _by_hand("lumina", 95_000),
    _by_hand("small_talk", 110_000),
    _by_hand("feelings", 75_000),
    _by_hand("workings", 55_000),
    _by_hand("jokes", 65_000),
    _by_hand("riddles", 35_000),
    _by_hand("facts", 95_000),
    _by_hand("together", 45_000),
    _by_hand("unknown", 8_000, place="alone"),
    # Skills: more of those that a small model finds hard.
    Part("sums", numbers.sums, 180_000),
    Part("spelling", words.spelling, 130_000),
    Part("copying", words.copying, 110_000),
    Part("counting", numbers.counting, 110_000),
    Part("bigger", numbers.comparing, 80_000),
    Part("names", memory.names, 110_000),
    Part("differences", numbers.differences, 70_000),
    Part("plurals", words.plurals, 70_000),
    Part("even or odd", numbers.parity, 35_000),
    # Tables to know by heart.
    Part("days", knowledge.days, 45_000),
    Part("opposites", knowledge.opposites, 65_000),
    Part("capitals", knowledge.capitals, 50_000),
    Part("kinds", knowledge.kinds, 40_000),
    Part("animal sounds", knowledge.animal_sounds, 40_000),
    Part("young animals", knowledge.young_animals, 40_000),
    Part("colours", knowledge.colours, 35_000),
    Part("number words", numbers.number_words, 30_000),
)
"""Each kind with the characters it fills: nearly two million in all."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What a conversation is made of: a greeting or none, some exchanges, a goodbye or none."""

    opens: bool
    num_within: int
    closes: bool


OUTLINES = {
    Outline(opens=False, num_within=1, closes=False): 34,
    Outline(opens=False, num_within=2, closes=False): 24,
    Outline(opens=False, num_within=3, closes=False): 5,
    Outline(opens=False, num_within=1, closes=True): 9,
    Outline(opens=True, num_within=0, closes=False): 5,
    Outline(opens=True, num_within=1, closes=False): 13,
    Outline(opens=True, num_within=2, closes=False): 5,
    Outline(opens=True, num_within=1, closes=True): 5,
}
"""How often in a hundred conversations."""

_HUNDRED_OUTLINES = tuple(outline for outline, share in OUTLINES.items() for _ in range(share))


def sample_exchanges(
    exchanges: tuple[Exchange, ...], *, num_chars: int, rng: random.Random
) -> list[Messages]:
    """The messages of so many exchanges, chosen at random, that they fill `num_chars`."""
    chosen: list[Messages] = []
    filled = 0
    for messages in _shuffled_rounds(exchanges, rng=rng):
        if filled >= num_chars:
            break
        chosen.append(messages)
        filled += sum(len(message.text) for message in messages)
    return chosen


def _shuffled_rounds(exchanges: tuple[Exchange, ...], *, rng: random.Random) -> Iterator[Messages]:
    """Round after round of all wordings, in a new order; main wordings come twice a round."""
    trained = [exchange for exchange in exchanges if exchange.is_trained]
    wordings = [(exchange, i) for exchange in trained for i in (0, *range(exchange.num_wordings))]
    while True:
        rng.shuffle(wordings)
        for exchange, number in wordings:
            yield _messages(exchange, number=number, rng=rng)


def _messages(exchange: Exchange, *, number: int, rng: random.Random) -> Messages:
    """The exchange with its wordings of this number; a turn with fewer wordings takes any."""
    messages: list[Message] = []
    for turn in exchange.turns:
        is_richest = len(turn.wordings) == exchange.num_wordings
        wording = turn.wordings[number] if is_richest else rng.choice(turn.wordings)
        messages += [Message("user", typed(wording, rng=rng)), Message("bot", turn.reply)]
    return tuple(messages)


def follow_ups(exchanges: list[Exchange]) -> frozenset[tuple[str, str]]:
    """Each (reply, next question) where the answer to the question depends on that reply."""
    return frozenset(
        (before.reply, question_key(wording))
        for exchange in exchanges
        for before, turn in zip(exchange.turns, exchange.turns[1:], strict=False)
        for wording in (*turn.wordings, *turn.held_out)
    )


def assemble(
    pools: dict[Place, list[Messages]],
    *,
    follow_ups: frozenset[tuple[str, str]],
    rng: random.Random,
) -> list[Messages]:
    """Exchanges joined to conversations by the outlines above, each of them used once."""
    for pool in pools.values():
        rng.shuffle(pool)
    talks = list(pools["alone"])
    while pools["within"]:
        talks += _split_false_follow_ups(
            _next_exchanges(pools, outline=rng.choice(_HUNDRED_OUTLINES)), follow_ups=follow_ups
        )
    talks += pools["opens"] + pools["closes"]
    rng.shuffle(talks)
    return talks


def _next_exchanges(pools: dict[Place, list[Messages]], *, outline: Outline) -> list[Messages]:
    """The exchanges of the next conversation, taken from the pools; an empty pool gives none."""
    wanted: tuple[tuple[Place, int], ...] = (
        ("opens", int(outline.opens)),
        ("within", outline.num_within),
        ("closes", int(outline.closes)),
    )
    return [pools[place].pop() for place, count in wanted for _ in range(count) if pools[place]]


def _split_false_follow_ups(
    exchanges: list[Messages], *, follow_ups: frozenset[tuple[str, str]]
) -> list[Messages]:
    """The exchanges joined, but apart where a question would seem to follow up the reply before.

    "I give up." gets one reply after a riddle and another anywhere else: side by side by
    chance, they would contradict each other.
    """
    joined: list[Messages] = []
    for exchange in exchanges:
        if not joined or (joined[-1][-1].text, question_key(exchange[0].text)) in follow_ups:
            joined.append(exchange)
        else:
            joined[-1] += exchange
    return joined
