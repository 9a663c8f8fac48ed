"""What may come next, by the model and by the sampler.

V vocabulary.
"""

from dataclasses import dataclass
from typing import ClassVar

from lumina_cli.look.pieces import Text


@dataclass(frozen=True, slots=True)
class Candidate:
    """An id that may come next.

    Attributes:
        id, label: see `Piece`.
        prob: the model's own probability for it.
        drawn: the probability with which the sampler draws it: after penalty, temperature and
            filter.
    """

    id: int
    label: str
    prob: float
    drawn: float


@dataclass(frozen=True, slots=True)
class NextView:
    """What may come next.

    Attributes:
        text: what was read.
        candidates: the likeliest by the model, the likeliest first, and those drawn the most.
        rest_prob: the model's probability of all others together.
        num_kept: how many ids the sampler may draw at all.
        held: the end of the text that the next ids say again, as subwords may be cut otherwise
            in a longer text; empty for a model of characters.
        sampling: the settings it was drawn with: sampler, temperature, top_k, top_p, min_p,
            repetition_penalty.
        logits: of every id, (V,), where they were asked for.
        labels: of every id, (V,), beside the logits.
        notes: what a person should know of it, a sentence each.
    """

    view: ClassVar[str] = "next"
    text: Text
    candidates: list[Candidate]
    rest_prob: float
    num_kept: int
    held: str
    sampling: dict[str, str | float | int]
    logits: list[float] | None
    labels: list[str] | None
    notes: list[str]
