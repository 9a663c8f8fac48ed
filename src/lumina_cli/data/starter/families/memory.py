"""Families in which the bot has to remember what it was told: a name, a colour, a pet."""

import random

from lumina_cli.data.starter.exchange import Exchange, Turn, single
from lumina_cli.data.starter.families.pattern import capitalised, pick, with_article
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
_NUM_BRIEF = 4
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

_COLOURS = ("blue", "red", "green", "yellow", "pink", "orange", "purple", "black", "white", "grey")
_TELL_COLOUR = ("My favourite colour is {}.", "I like the colour {}.", "My colour is {}.")
_ASK_COLOUR = (
    "What is my favourite colour?",
    "What's my favourite colour?",
    "Do you know my favourite colour?",
    "Which colour do I like?",
)
_PETS = ("cat", "dog", "fish", "bird", "horse", "rabbit", "mouse", "parrot", "snake", "frog")
_TELL_PET = ("I have {}.", "My pet is {}.", "I own {}.")
_ASK_PET = ("What pet do I have?", "Which pet do I have?", "What is my pet?", "Do I have a pet?")
_NUM_HELD_OUT = 12


def names() -> tuple[Exchange, ...]:
    """A name told and asked for, at once or after another question. Held out: new names."""
    everyone = words("names")
    held = pick(everyone, name="names", count=24)
    rng = random.Random("names, between")
    return tuple(
        exchange
        for name in everyone
        for exchange in _name_exchanges(name, between=rng.choice(_BETWEEN), held_out=name in held)
    )


def _name_exchanges(name: str, *, between: Turn, held_out: bool) -> list[Exchange]:
    """The name told alone; told and asked for; told and asked for after another turn."""
    tells = tuple(wording.format(name) for wording in _TELL_NAME)
    told = _turn(tells, f"Nice to meet you, {name}!", held_out=held_out)
    asked = _turn(_ASK_NAME, f"Your name is {name}.", held_out=held_out)
    before = Turn(tells, told.reply)  # As context it has its wordings even where held out.
    briefly = Turn(tells[:_NUM_BRIEF], told.reply)
    return [Exchange((told,)), Exchange((before, asked)), Exchange((briefly, between, asked))]


def _turn(wordings: tuple[str, ...], reply: str, *, held_out: bool) -> Turn:
    return Turn((), reply, wordings) if held_out else Turn(wordings, reply)


def favourites() -> tuple[Exchange, ...]:
    """A colour or a pet told and asked for. Held out: new pairs of telling and asking."""
    return (*_colours(), *_pets())


def _colours() -> tuple[Exchange, ...]:
    told = [
        Turn((tell.format(colour),), f"{capitalised(colour)} is a lovely colour!")
        for colour in _COLOURS
        for tell in _TELL_COLOUR
    ]
    replies = [f"Your favourite colour is {colour}." for colour in _COLOURS for _ in _TELL_COLOUR]
    return _told_and_asked(told, _ASK_COLOUR, replies=replies, name="favourite colours")


def _pets() -> tuple[Exchange, ...]:
    told = [
        Turn((tell.format(with_article(pet)),), f"{capitalised(with_article(pet))}! How nice.")
        for pet in _PETS
        for tell in _TELL_PET
    ]
    replies = [f"You have {with_article(pet)}." for pet in _PETS for _ in _TELL_PET]
    return _told_and_asked(told, _ASK_PET, replies=replies, name="pets")


def _told_and_asked(
    told: list[Turn], asks: tuple[str, ...], *, replies: list[str], name: str
) -> tuple[Exchange, ...]:
    """Each thing told alone, and told and asked for in all wordings but those held out."""
    spots = [(number, ask) for number in range(len(told)) for ask in asks[1:]]
    held = pick(spots, name=name, count=_NUM_HELD_OUT)
    exchanges = [single(turn.wordings, reply=turn.reply) for turn in told]
    for number, (turn, reply) in enumerate(zip(told, replies, strict=True)):
        kept = tuple(ask for ask in asks if (number, ask) not in held)
        kept_out = tuple(ask for ask in asks if (number, ask) in held)
        exchanges.append(Exchange((turn, Turn(kept, reply, kept_out))))
    return tuple(exchanges)
