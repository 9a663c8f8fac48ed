"""How sentences and lines of a text usually begin: a prompt that any model of it can go on from."""

import re
from collections import Counter

NUM_WORDS = 2
LONGEST_WORD = 20
"""In characters: longer ones are of a script without spaces, or no words."""
NUM_CHARACTERS = 3
"""Of what has no words."""

_BEGINNING = re.compile(r"""(?:[.!?…]["'”’»)]*\s|[。！？।።؟]["'”’»」』）]*|\n)\s*(?=\w)([^\n]+)""")
"""What follows the end of a sentence or a line, to the end of the line."""


def usual_beginning(text: str) -> str:
    """Return what most sentences and lines of a text begin with; "" where none of them begins.

    A line that begins with a small letter mostly goes on with the one before, and counts only
    where all do.
    """
    found: Counter[str] = Counter()
    at = 0
    while match := _BEGINNING.search(text, at):
        found[_first_words(match[1])] += 1
        at = match.start(1)
    return max(found, key=lambda words: (not words[0].islower(), found[words]), default="")


def _first_words(sentence: str) -> str:
    words = sentence.split(maxsplit=NUM_WORDS)[:NUM_WORDS]
    if max(map(len, words)) > LONGEST_WORD:
        return sentence[:NUM_CHARACTERS].strip()
    return " ".join(words)
