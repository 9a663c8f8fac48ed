"""The mix: how much of the corpus each kind of exchange is, and how they follow each other."""

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
"""Where in a conversation an exchange may stand."""

Block = tuple[Message, ...]
"""One exchange as it was said once."""


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
class Shape:
    """A plan for a conversation: does it open with a greeting, how long is it, how does it end?"""

    opens: bool
    num_within: int
    closes: bool


SHAPES = {
    Shape(opens=False, num_within=1, closes=False): 34,
    Shape(opens=False, num_within=2, closes=False): 24,
    Shape(opens=False, num_within=3, closes=False): 5,
    Shape(opens=False, num_within=1, closes=True): 9,
    Shape(opens=True, num_within=0, closes=False): 5,
    Shape(opens=True, num_within=1, closes=False): 13,
    Shape(opens=True, num_within=2, closes=False): 5,
    Shape(opens=True, num_within=1, closes=True): 5,
}
"""How often in a hundred conversations."""

_HUNDRED_SHAPES = tuple(shape for shape, share in SHAPES.items() for _ in range(share))


def blocks(exchanges: tuple[Exchange, ...], *, num_chars: int, rng: random.Random) -> list[Block]:
    """Exchanges as they were said, so many that they fill this number of characters."""
    said: list[Block] = []
    filled = 0
    for block in _dealt(exchanges, rng=rng):
        if filled >= num_chars:
            break
        said.append(block)
        filled += sum(len(message.text) for message in block)
    return said


def _dealt(exchanges: tuple[Exchange, ...], *, rng: random.Random) -> Iterator[Block]:
    """Round after round of all wordings, in a new order; a main wording comes twice a round."""
    trained = [exchange for exchange in exchanges if exchange.is_trained]
    cards = [(exchange, i) for exchange in trained for i in (0, *range(exchange.num_wordings))]
    while True:
        rng.shuffle(cards)
        for exchange, number in cards:
            yield _said(exchange, number=number, rng=rng)


def _said(exchange: Exchange, *, number: int, rng: random.Random) -> Block:
    """The exchange with its wordings of this number; a turn with fewer wordings takes any."""
    messages: list[Message] = []
    for turn in exchange.turns:
        is_richest = len(turn.wordings) == exchange.num_wordings
        wording = turn.wordings[number] if is_richest else rng.choice(turn.wordings)
        messages += [Message("user", typed(wording, rng=rng)), Message("bot", turn.reply)]
    return tuple(messages)


def leads(exchanges: list[Exchange]) -> frozenset[tuple[str, str]]:
    """Each (reply, next question) whose answer leans on that reply."""
    return frozenset(
        (before.reply, question_key(wording))
        for exchange in exchanges
        for before, turn in zip(exchange.turns, exchange.turns[1:], strict=False)
        for wording in (*turn.wordings, *turn.held_out)
    )


def arranged(
    piles: dict[Place, list[Block]], *, leads: frozenset[tuple[str, str]], rng: random.Random
) -> list[Block]:
    """Conversations: blocks set behind each other in the shapes above, each block used once."""
    for pile in piles.values():
        rng.shuffle(pile)
    talks = list(piles["alone"])
    while piles["within"]:
        talks += _unmixed(_taken(piles, shape=rng.choice(_HUNDRED_SHAPES)), leads=leads)
    talks += piles["opens"] + piles["closes"]
    rng.shuffle(talks)
    return talks


def _taken(piles: dict[Place, list[Block]], *, shape: Shape) -> list[Block]:
    """The blocks of one conversation, off the piles; a pile that is empty gives none."""
    wanted: tuple[tuple[Place, int], ...] = (
        ("opens", int(shape.opens)),
        ("within", shape.num_within),
        ("closes", int(shape.closes)),
    )
    return [piles[place].pop() for place, count in wanted for _ in range(count) if piles[place]]


def _unmixed(talk: list[Block], *, leads: frozenset[tuple[str, str]]) -> list[Block]:
    """The talk, parted where a block would seem to answer the one before it.

    "I give up." gets one reply after a riddle and another anywhere else: side by side by
    chance, they would contradict each other.
    """
    parted: list[Block] = []
    for block in talk:
        if not parted or (parted[-1][-1].text, question_key(block[0].text)) in leads:
            parted.append(block)
        else:
            parted[-1] += block
    return parted
