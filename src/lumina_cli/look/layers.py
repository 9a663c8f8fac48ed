"""The best guess after each layer.

L layers, T pieces.
"""

from dataclasses import dataclass
from typing import ClassVar

from lumina_cli.look.pieces import Text


@dataclass(frozen=True, slots=True)
class LayersView:
    """The best guess after each layer, read by the model's own head (the logit lens).

    Row 0 is the embedding, row L what comes out of the last layer: the model's prediction.

    Attributes:
        text: what was read.
        top_ids: at each position the five likeliest ids to come next, (L + 1, T, 5).
        top_probs: their probabilities, (L + 1, T, 5).
        actual_probs: the probability of what came next, (L + 1, T); None at the last position.
        labels: of all ids in `top_ids`, by id (a string in JSON).
        notes: as for `NextView`.

    Source: nostalgebraist 2020, "interpreting GPT: the logit lens".
    """

    view: ClassVar[str] = "layers"
    text: Text
    top_ids: list[list[list[int]]]
    top_probs: list[list[list[float]]]
    actual_probs: list[list[float | None]]
    labels: dict[int, str]
    notes: list[str]
