"""What heads look at, and what each is worth.

L layers, H heads, T pieces.
"""

from dataclasses import dataclass
from typing import ClassVar

from lumina_cli.look.pieces import Guess, Text


@dataclass(frozen=True, slots=True)
class HeadsView:
    """What the heads look at from one position, and what each is worth there.

    Attributes:
        text: what was read.
        position: the piece that looks; what it predicts stands behind it.
        target_id, target_label: what is predicted: the piece that came next, or the likeliest.
        rows: attention from `position`, (L, H, position + 1); each row sums to 1.
        deltas: nats that the target costs more without the head, (L, H); below 0 the head was in
            the way.
        off: heads that are switched off, [layer, head] each, both from 0.
        guesses: the five likeliest next with all heads.
        guesses_off: the same without the heads in `off`.
        maps: attention of every position, (L, H, T, T), where it was asked for.
        notes: as for `NextView`.
    """

    view: ClassVar[str] = "heads"
    text: Text
    position: int
    target_id: int
    target_label: str
    rows: list[list[list[float]]]
    deltas: list[list[float]]
    off: list[list[int]]
    guesses: list[Guess]
    guesses_off: list[Guess]
    maps: list[list[list[list[float]]]] | None
    notes: list[str]
