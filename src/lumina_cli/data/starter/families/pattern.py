"""How a family is made: wordings x items -> replies, and what of it is held out.

A wording or reply is a format string; an item gives its fields. What is held out hangs on
the family's name alone, never on a seed, so that no corpus of any seed has learnt it.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from lumina_cli.data.starter.exchange import Exchange, single

Item = Mapping[str, object]
T = TypeVar("T")

_NUM_ALWAYS_LEARNT = 2


@dataclass(frozen=True, slots=True)
class Pattern:
    """One form of question: its wordings, the main one first, and the one form of its reply."""

    wordings: tuple[str, ...]
    reply: str

    def exchange(self, item: Item, *, held_out: frozenset[int]) -> Exchange:
        """The question for one item, with the wordings of these numbers held out."""
        asked = [wording.format(**item) for wording in self.wordings]
        return single(
            tuple(text for number, text in enumerate(asked) if number not in held_out),
            reply=self.reply.format(**item),
            held_out=tuple(text for number, text in enumerate(asked) if number in held_out),
        )


def new_wordings(
    pattern: Pattern, items: Sequence[Item], *, name: str, num_held_out: int
) -> tuple[Exchange, ...]:
    """For facts to know by heart: each item is learnt, some in fewer wordings than asked.

    The main wording and the one after it are never held out.
    """
    later = range(_NUM_ALWAYS_LEARNT, len(pattern.wordings))
    spots = [(item, wording) for item in range(len(items)) for wording in later]
    held = random.Random(name).sample(spots, num_held_out)
    return tuple(
        pattern.exchange(item, held_out=frozenset(w for i, w in held if i == number))
        for number, item in enumerate(items)
    )


def new_items(
    pattern: Pattern, items: Sequence[Item], *, held_out: Sequence[Item]
) -> tuple[Exchange, ...]:
    """For skills: the items held out are never learnt from, in any wording."""
    nothing: frozenset[int] = frozenset()
    everything = frozenset(range(len(pattern.wordings)))
    return tuple(
        pattern.exchange(item, held_out=everything if item in held_out else nothing)
        for item in items
    )


def pick(candidates: Sequence[T], *, name: str, count: int) -> list[T]:
    """What to hold out: always the same for a name."""
    return random.Random(name).sample(candidates, count)


def with_article(noun: str) -> str:
    """The noun after "a" or "an"."""
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def capitalised(text: str) -> str:
    """The text with a capital first letter and the rest as it is."""
    return text[0].upper() + text[1:]
