"""A text as the model read it, in pieces.

Every view shows a text as pieces, one for each id, so that they work for characters and
subwords alike. Positions count pieces from 0; what stands at position t was predicted at t - 1.
Log-probabilities are in nats.

T pieces.
"""

from dataclasses import dataclass
from typing import Literal

Speaker = Literal["system", "user", "bot", "text"]
"""Whose words a piece belongs to; `text` in what is no conversation."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One id of a text.

    Attributes:
        id: the id.
        text: what it adds to the text; those of all pieces, joined, are the text. Empty for a
            tag, and for a byte that does not end a character.
        label: how it is shown where `text` can't be: `<|bot|>`, `<E2>`, else the text.
        speaker: whose words it belongs to.
        counted: whether the model learnt to predict it there; what it did not is shown grey.
    """

    id: int
    text: str
    label: str
    speaker: Speaker
    counted: bool


@dataclass(frozen=True, slots=True)
class Text:
    """What the model read.

    Attributes:
        pieces: T.
        num_left_out: ids before the first piece that are not shown: a place in the whole text is a
            position and these.
    """

    pieces: list[Piece]
    num_left_out: int = 0


@dataclass(frozen=True, slots=True)
class Guess:
    """An id that was expected, and the model's own probability for it."""

    id: int
    label: str
    prob: float
