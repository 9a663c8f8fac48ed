"""How much each piece of a text surprised the model.

T pieces.
"""

from dataclasses import dataclass
from typing import ClassVar

from lumina_cli.look.pieces import Guess, Text


@dataclass(frozen=True, slots=True)
class SurpriseView:
    """How much each piece of a text surprised the model.

    Attributes:
        text: what was read.
        nats: −log p of each piece, (T,); None for the first, which nothing predicts.
        expected: the five likeliest in its place, (T, 5), the likeliest first; none for the first.
        nats_per_char: mean over what counts, tags apart: what `lumina eval` tells of this text.
            None where nothing counts.
        num_chars: characters that count.
        least_sure: positions of the counted pieces with most nats, most first.
        notes: as for `NextView`.
    """

    view: ClassVar[str] = "surprise"
    text: Text
    nats: list[float | None]
    expected: list[list[Guess]]
    nats_per_char: float | None
    num_chars: int
    least_sure: list[int]
    notes: list[str]
