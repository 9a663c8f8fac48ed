"""Families of numbers: sums, differences, counting, comparing, even and odd, words."""

import random

from lumina_cli.data.starter.exchange import Exchange
from lumina_cli.data.starter.families.pattern import Pattern, new_items, new_wordings, pick
from lumina_cli.data.starter.tables import words

_SUM = Pattern(
    (
        "What is {a} plus {b}?",
        "What is {a} + {b}?",
        "{a} + {b}",
        "{a}+{b}",
        "What is {a}+{b}?",
        "{a} plus {b}",
        "How much is {a} plus {b}?",
        "What's {a} plus {b}?",
        "Add {a} and {b}.",
    ),
    reply="{a} plus {b} is {c}.",
)
_DIFFERENCE = Pattern(
    (
        "What is {a} minus {b}?",
        "What is {a} - {b}?",
        "{a} - {b}",
        "{a}-{b}",
        "{a} minus {b}",
        "How much is {a} minus {b}?",
    ),
    reply="{a} minus {b} is {c}.",
)
_COUNT = Pattern(
    (
        "Count from {a} to {b}.",
        "Can you count from {a} to {b}?",
        "Please count from {a} to {b}.",
        "Count {a} to {b}.",
    ),
    reply="{listed}.",
)
_COUNT_TO = Pattern(("Count to {b}.", "Can you count to {b}?"), reply="{listed}.")
_COUNT_DOWN = Pattern(
    ("Count down from {a}.", "Can you count down from {a}?"),
    reply="{listed}.",
)
_BIGGER = Pattern(
    (
        "Which is bigger, {a} or {b}?",
        "What is bigger, {a} or {b}?",
        "Which number is bigger, {a} or {b}?",
        "Which is more, {a} or {b}?",
    ),
    reply="{high} is bigger than {low}.",
)
_PARITY = Pattern(
    ("Is {n} even or odd?", "Is {n} odd or even?", "Even or odd: {n}?"),
    reply="{n} is {parity}.",
)
_AS_WORD = Pattern(
    (
        "Write {n} as a word.",
        "How do you write {n}?",
        "What is {n} in words?",
        "Write {n} in letters.",
        "Say {n} in words.",
    ),
    reply="{n} is {word}.",
)

_FIRST_SUMS = ((2, 2), (5, 1), (3, 4))


def sums() -> tuple[Exchange, ...]:
    """Held out: new wordings of learnt sums, those that everybody tries first apart."""
    pairs = [(a, b) for a in range(10) for b in range(10)]
    items = {(a, b): {"a": a, "b": b, "c": a + b} for a, b in pairs}
    first = [items.pop(pair) for pair in _FIRST_SUMS]
    return (
        *new_wordings(_SUM, list(items.values()), name="sums", num_held_out=24),
        *new_items(_SUM, first, held_out=()),
    )


def differences() -> tuple[Exchange, ...]:
    """Held out: new wordings of learnt differences."""
    items = [{"a": a, "b": b, "c": a - b} for a in range(11) for b in range(a + 1)]
    return new_wordings(_DIFFERENCE, items, name="differences", num_held_out=24)


def counting() -> tuple[Exchange, ...]:
    """Held out: new wordings of learnt starts and ends."""
    spans = [(a, b) for a in range(8) for b in range(a + 2, min(a + 6, 12) + 1)]
    between = [{"a": a, "b": b, "listed": _listed(range(a, b + 1))} for a, b in spans]
    up = [{"b": b, "listed": _listed(range(1, b + 1))} for b in range(3, 11)]
    down = [{"a": a, "listed": _listed(range(a, 0, -1))} for a in range(3, 11)]
    return (
        *new_wordings(_COUNT, between, name="counting", num_held_out=20),
        *new_items(_COUNT_TO, up, held_out=()),
        *new_items(_COUNT_DOWN, down, held_out=()),
    )


def comparing() -> tuple[Exchange, ...]:
    """Held out: new pairs, whose mirror image is learnt."""
    pairs = [(a, b) for a in range(13) for b in range(13) if a != b]
    lone = _lone_pairs(12, name="bigger", count=24)
    return new_items(
        _BIGGER,
        [{"a": a, "b": b, "high": max(a, b), "low": min(a, b)} for a, b in pairs],
        held_out=[{"a": a, "b": b, "high": max(a, b), "low": min(a, b)} for a, b in lone],
    )


def parity() -> tuple[Exchange, ...]:
    """Held out: new numbers from 10 on."""
    items = [{"n": n, "parity": "odd" if n % 2 else "even"} for n in range(61)]
    return new_items(_PARITY, items, held_out=pick(items[10:], name="even or odd", count=20))


def number_words() -> tuple[Exchange, ...]:
    """Held out: new wordings of learnt numbers."""
    items = [{"n": n, "word": word} for n, word in enumerate(words("numbers"))]
    return new_wordings(_AS_WORD, items, name="number words", num_held_out=20)


def _lone_pairs(highest: int, *, name: str, count: int) -> list[tuple[int, int]]:
    """Pairs to hold out of which the mirror image is learnt; 3 and 4 are learnt both ways."""
    rng = random.Random(name)
    pairs = [(a, b) for a in range(highest + 1) for b in range(a) if (a, b) != (4, 3)]
    return [rng.choice([(a, b), (b, a)]) for a, b in rng.sample(pairs, count)]


def _listed(numbers: range) -> str:
    return ", ".join(str(number) for number in numbers)
