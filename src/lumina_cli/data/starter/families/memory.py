"""The family in which the bot has to remember what it was told: a name."""

import random

from lumina_cli.data.starter.exchange import Exchange, Turn
from lumina_cli.data.starter.families.pattern import pick
from lumina_cli.data.starter.tables import words

_TELL_NAME = (
    "My name is {}.",
    "I am {}.",
    "I'm {}.",
    "Call me {}.",
    "Hello, my name is {}.",
    "Hi, I am {}.",
    "Hi, I'm {}.",
)
_NUM_ALWAYS_LEARNT = 3
_NUM_HELD_OUT = 24
_ASK_NAME = (
    "What is my name?",
    "What's my name?",
    "Do you know my name?",
    "Do you remember my name?",
    "Tell me my name.",
)
_BETWEEN = (
    Turn(("What is your name?", "Your name?"), "My name is Lumina."),
    Turn(("2 + 2", "2+2", "2 plus 2"), "2 plus 2 is 4."),
    Turn(("5 + 1", "5+1", "5 plus 1"), "5 plus 1 is 6."),
    Turn(("Spell cat.",), "c-a-t"),
    Turn(("Thanks!", "Thank you!"), "You are welcome!"),
    Turn(("Are you there?",), "Yes, I am here!"),
)
"""What may be said between telling and asking: short, for a small model must see it all."""


def names() -> tuple[Exchange, ...]:
    """A name told and asked for, at once or after another question.

    Held out: new pairs of a name and a way to tell it.
    """
    everyone = words("names")
    spots = [(name, tell) for name in everyone for tell in _TELL_NAME[_NUM_ALWAYS_LEARNT:]]
    held = pick(spots, name="names", count=_NUM_HELD_OUT)
    rng = random.Random("names, between")
    return tuple(
        exchange
        for name in everyone
        for exchange in _name_exchanges(
            name,
            between=rng.choice(_BETWEEN),
            held_out=[tell for spot, tell in held if spot == name],
        )
    )


def _name_exchanges(name: str, *, between: Turn, held_out: list[str]) -> list[Exchange]:
    """The name told alone; told and asked for; told and asked for after another turn."""
    tells = tuple(wording.format(name) for wording in _TELL_NAME if wording not in held_out)
    told = Turn(
        tells,
        f"Nice to meet you, {name}!",
        held_out=tuple(wording.format(name) for wording in held_out),
    )
    asked = Turn(_ASK_NAME, f"Your name is {name}.")
    before = Turn(tells, told.reply)
    briefly = Turn(tells[:_NUM_ALWAYS_LEARNT], told.reply)
    return [Exchange((told,)), Exchange((before, asked)), Exchange((briefly, between, asked))]
