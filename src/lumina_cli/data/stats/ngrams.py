"""How well simple counting predicts a text: what the loss of a model is to be compared with.

An n-gram model counts which character follows the n - 1 before it, and falls back on shorter
contexts for those it has seen rarely.

Source: Witten and Bell, "The zero-frequency problem", 1991 (method C, interpolated).
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

LETTERS, PAIRS, WORDS = 1, 2, 5
"""Orders: which letters are frequent, which follows which, and what four letters tell of the next
one, which is most of how words are spelled."""

Counts = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class CountingLoss:
    """The loss of counting models on held-out text, in nats a character.

    `letters` knows how frequent each character is, `pairs` which follows which, `words` what
    follows four others.
    """

    letters: float
    pairs: float
    words: float


def counting_loss(train: str, held_out: str) -> CountingLoss:
    """Return how well counting in one text predicts another, neither of them empty."""
    counts = _counts(train, highest=WORDS)
    num_kinds = len(set(train) | set(held_out))
    nats = [
        _nats(held_out, counts[:order], num_kinds=num_kinds) for order in (LETTERS, PAIRS, WORDS)
    ]
    return CountingLoss(*nats)


def _counts(text: str, *, highest: int) -> list[Counts]:
    """Return for each order what follows each context, and how often."""
    found: list[Counts] = []
    for order in range(1, highest + 1):
        counts: Counts = defaultdict(lambda: defaultdict(int))
        for end in range(order, len(text) + 1):
            gram = text[end - order : end]
            counts[gram[:-1]][gram[-1]] += 1
        found.append(counts)
    return found


def _nats(text: str, counts: Sequence[Counts], *, num_kinds: int) -> float:
    totals = [{each: sum(after.values()) for each, after in of.items()} for of in counts]
    nats = 0.0
    for position, char in enumerate(text):
        prob = 1 / num_kinds
        for length, (of, total) in enumerate(zip(counts, totals, strict=True)):
            context = text[position - length : position] if position >= length else None
            after = of.get(context) if context is not None else None
            if after is None or context is None:
                break
            prob = (after.get(char, 0) + len(after) * prob) / (total[context] + len(after))
        nats -= math.log(prob)
    return nats / len(text)
