"""Families of things to know by heart: opposites, animals, colours, capitals, days.

In each of them some wordings are held out, item by item.
"""

from lumina_cli.data.starter.exchange import Exchange
from lumina_cli.data.starter.families.pattern import (
    Item,
    Pattern,
    capitalised,
    new_wordings,
    with_article,
)
from lumina_cli.data.starter.tables import pairs, words

_OPPOSITE = Pattern(
    (
        "What is the opposite of {word}?",
        "What's the opposite of {word}?",
        "Opposite of {word}?",
        "Tell me the opposite of {word}.",
        "Give me the opposite of {word}.",
    ),
    reply="The opposite of {word} is {other}.",
)
_SOUND = Pattern(
    (
        "What does {animal} say?",
        "What sound does {animal} make?",
        "Which sound does {animal} make?",
        "How does {animal} sound?",
        "What noise does {animal} make?",
    ),
    reply="{beginning} says {sound}.",
)
_YOUNG = Pattern(
    (
        "What is a young {animal} called?",
        "What is a baby {animal} called?",
        "What do you call a young {animal}?",
        "What do you call a baby {animal}?",
        "What is the name of a young {animal}?",
    ),
    reply="A young {animal} is {young}.",
)
_COLOUR = Pattern(
    (
        "What colour is {thing}?",
        "Which colour is {thing}?",
        "What is the colour of {thing}?",
        "Tell me the colour of {thing}.",
        "What colour does {thing} have?",
    ),
    reply="{beginning} is {colour}.",
)
_CAPITAL = Pattern(
    (
        "What is the capital of {country}?",
        "What's the capital of {country}?",
        "Which city is the capital of {country}?",
        "Capital of {country}?",
        "Tell me the capital of {country}.",
    ),
    reply="The capital of {country} is {city}.",
)
_KIND = Pattern(
    (
        "What is {thing}?",
        "What's {thing}?",
        "What kind of thing is {thing}?",
        "Tell me what {thing} is.",
        "Do you know what {thing} is?",
    ),
    reply="{beginning} is {kind}.",
)


def opposites() -> tuple[Exchange, ...]:
    """The opposite of each word of a pair."""
    both_ways = [
        row for left, right in pairs("opposites") for row in ((left, right), (right, left))
    ]
    items = [{"word": word, "other": other} for word, other in both_ways]
    return new_wordings(_OPPOSITE, items, name="opposites", num_held_out=24)


def animal_sounds() -> tuple[Exchange, ...]:
    """What an animal says."""
    items = [
        {
            "animal": with_article(animal),
            "beginning": capitalised(with_article(animal)),
            "sound": sound,
        }
        for animal, sound in pairs("sounds")
    ]
    return new_wordings(_SOUND, items, name="animal sounds", num_held_out=20)


def young_animals() -> tuple[Exchange, ...]:
    """What the young of an animal is called."""
    items = [{"animal": animal, "young": with_article(young)} for animal, young in pairs("young")]
    return new_wordings(_YOUNG, items, name="young animals", num_held_out=20)


def colours() -> tuple[Exchange, ...]:
    """The colour of a thing."""
    items = [
        {"thing": thing, "beginning": capitalised(thing), "colour": colour}
        for thing, colour in pairs("colours")
    ]
    return new_wordings(_COLOUR, items, name="colours", num_held_out=20)


def capitals() -> tuple[Exchange, ...]:
    """The capital of a country."""
    items = [{"country": country, "city": city} for country, city in pairs("capitals")]
    return new_wordings(_CAPITAL, items, name="capitals", num_held_out=20)


def kinds() -> tuple[Exchange, ...]:
    """What kind of thing a thing is."""
    items = [
        {
            "thing": with_article(thing),
            "beginning": capitalised(with_article(thing)),
            "kind": with_article(kind),
        }
        for thing, kind in pairs("kinds")
    ]
    return new_wordings(_KIND, items, name="kinds", num_held_out=20)


def days() -> tuple[Exchange, ...]:
    """The day after and before a day."""
    return _around("day", words("days"), num_held_out=10)


def _around(what: str, names: list[str], *, num_held_out: int) -> tuple[Exchange, ...]:
    """What comes after and before each name of a round of names."""
    following = [*names[1:], names[0]]
    after: list[Item] = [{"name": a, "other": b} for a, b in zip(names, following, strict=True)]
    before: list[Item] = [{"name": b, "other": a} for a, b in zip(names, following, strict=True)]
    return (
        *new_wordings(
            _beside(what, "after"), after, name=f"{what} after", num_held_out=num_held_out
        ),
        *new_wordings(
            _beside(what, "before"), before, name=f"{what} before", num_held_out=num_held_out
        ),
    )


def _beside(what: str, side: str) -> Pattern:
    return Pattern(
        (
            f"What comes {side} {{name}}?",
            f"What {what} comes {side} {{name}}?",
            f"Which {what} comes {side} {{name}}?",
            f"Which {what} is {side} {{name}}?",
            f"What {what} is {side} {{name}}?",
            f"What is the {what} {side} {{name}}?",
        ),
        reply=f"{{other}} comes {side} {{name}}.",
    )
