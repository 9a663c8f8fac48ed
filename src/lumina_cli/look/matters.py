"""What mattered for one piece: what it would be worth without each of those before it.

T pieces.
"""

from dataclasses import dataclass
from typing import ClassVar

from lumina_cli.look.pieces import Guess, Text


@dataclass(frozen=True, slots=True)
class ContextPoint:
    """What the model gives the target when it reads only so many ids before it."""

    num_ids: int
    logprob: float


@dataclass(frozen=True, slots=True)
class MattersView:
    """How much each earlier piece mattered for one.

    To hide a piece is to give the model the mean of all embeddings in its place: something
    stands there, but not what.

    Attributes:
        text: what was read.
        target: position of the piece that is explained.
        logprob: log p of the target with the whole context.
        deltas: what hiding each earlier piece changes: log p with all minus log p without it, for
            the positions 0 … target − 1; above 0 it spoke for the target, below 0 against it.
            None before `first_hidden`.
        first_hidden: where single hiding begins; what stands before is hidden all at once.
        delta_before: what hiding all before `first_hidden` changes; None where there is nothing.
        curve: log p by length of context, from one id to the whole.
        guesses: the five likeliest at the target's place.
        notes: as for `NextView`.
    """

    view: ClassVar[str] = "matters"
    text: Text
    target: int
    logprob: float
    deltas: list[float | None]
    first_hidden: int
    delta_before: float | None
    curve: list[ContextPoint]
    guesses: list[Guess]
    notes: list[str]
