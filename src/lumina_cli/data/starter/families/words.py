"""Families of words: spelling, copying, plurals."""

from lumina_cli.data.starter.exchange import Exchange
from lumina_cli.data.starter.families.pattern import Pattern, new_items, new_wordings, pick
from lumina_cli.data.starter.tables import pairs, words

_LONGEST_HELD_OUT = 5
_NEVER_HELD_OUT = ("cat", "dog", "hello")

_SPELL = Pattern(
    (
        "Spell {word}.",
        "How do you spell {word}?",
        "Can you spell {word}?",
        "Please spell {word}.",
        "Spell the word {word}.",
    ),
    reply="{spelt}",
)
_COPY = Pattern(
    (
        "Say {text}.",
        "Repeat after me: {text}.",
        "Repeat: {text}.",
        "Please say {text}.",
        "Can you say {text}?",
    ),
    reply="{text}",
)
_PLURAL = Pattern(
    (
        "What is the plural of {one}?",
        "Plural of {one}?",
        "What's the plural of {one}?",
        "One {one}, two what?",
        "Make {one} plural.",
    ),
    reply="One {one}, two {many}.",
)
_NUM_PHRASES = 360


def spelling() -> tuple[Exchange, ...]:
    """Held out: new words."""
    items = {word: {"word": word, "spelt": "-".join(word)} for word in _all_words()}
    held = pick(_short_words(), name="spelling", count=28)
    return new_items(_SPELL, list(items.values()), held_out=[items[word] for word in held])


def copying() -> tuple[Exchange, ...]:
    """Held out: new words and new pairs of words."""
    phrases = [f"{quality} {thing}" for quality in words("qualities") for thing in words("words")]
    phrases = pick(phrases, name="phrases", count=_NUM_PHRASES)
    held = [*pick(_short_words(), name="copying", count=12), *phrases[:16]]
    texts = [*_all_words(), *phrases]
    return new_items(
        _COPY, [{"text": text} for text in texts], held_out=[{"text": text} for text in held]
    )


def plurals() -> tuple[Exchange, ...]:
    """Held out: new wordings of learnt plurals with a plain -s."""
    plain = [{"one": word, "many": f"{word}s"} for word in words("words")]
    odd = [{"one": one, "many": many} for one, many in pairs("plurals")]
    return (
        *new_wordings(_PLURAL, plain, name="plurals", num_held_out=20),
        *new_items(_PLURAL, odd, held_out=()),
    )


def _all_words() -> list[str]:
    return [*words("words"), *words("small_words")]


def _short_words() -> list[str]:
    """The words that may be held out: short ones, and not those everybody tries first."""
    short = [word for word in _all_words() if len(word) <= _LONGEST_HELD_OUT]
    return [word for word in short if word not in _NEVER_HELD_OUT]
