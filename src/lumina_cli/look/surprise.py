"""How much each piece of a text surprised the model.

T pieces.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from lumina_cli.core.model.transformer import Transformer
from lumina_cli.look.pieces import Guess, Text
from lumina_cli.look.reading import Reading, guesses
from lumina_cli.tokenizer.special_ids import is_special

NUM_EXPECTED = 5
NUM_LEAST_SURE = 10
MAX_IDS = 20_000
"""Of a longer text the end is read."""

SURPRISE = (
    "Sure is not right: it is sure of what its text said often. "
    "Asked for what that never said, it can be as sure, and wrong."
)
GREY = "What is grey was not learnt from: nobody taught the model to expect it."


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


@torch.inference_mode()
def surprise(model: Transformer, reading: Reading) -> SurpriseView:
    """Return how much each piece of a text surprised a model.

    It is read in windows of the model's context that don't overlap, as `lumina eval` does.

    Args:
        model: in `eval()` mode, in fp32.
        reading: the text.
    """
    skipped = max(0, len(reading) - MAX_IDS)
    nats: list[float | None] = [None]
    expected: list[list[Guess]] = [[]]
    for costs, top_ids, top_probs in _windows(model, reading.ids[skipped:]):
        nats += costs
        expected += [
            guesses(reading.tokenizer, ids, probs)
            for ids, probs in zip(top_ids, top_probs, strict=True)
        ]
    told = [
        (t, cost)
        for t, cost in enumerate(nats)
        if cost is not None and _tells(reading, skipped + t)
    ]
    num_chars = reading.tokenizer.num_chars(
        np.array([reading.ids[skipped + t] for t, _ in told], dtype=np.int64)
    )
    by_cost = sorted(told, key=lambda item: -item[1])
    has_grey = not all(reading.counted[skipped + 1 :])
    return SurpriseView(
        text=reading.text(skipped),
        nats=nats,
        expected=expected,
        nats_per_char=math.fsum(cost for _, cost in told) / num_chars if num_chars else None,
        num_chars=num_chars,
        least_sure=[t for t, _ in by_cost[:NUM_LEAST_SURE]],
        notes=[SURPRISE, *([GREY] if has_grey else [])],
    )


def _tells(reading: Reading, place: int) -> bool:
    """Whether a piece counts in the mean: learnt from, and no tag."""
    return reading.counted[place] and not is_special(reading.ids[place])


Costs = tuple[list[float], list[list[int]], list[list[float]]]


def _windows(model: Transformer, ids: list[int]) -> Iterator[Costs]:
    """Yield nats, likeliest ids and their probabilities of each id but the first, by window."""
    size = model.config.seq_length
    idx = torch.tensor(ids, device=model.wte.weight.device)
    for start in range(0, len(ids) - 1, size):
        targets = idx[start + 1 : start + 1 + size]
        logits = model(idx[start : start + len(targets)].unsqueeze(0))[0]  # (T, V)
        logprobs = logits.log_softmax(dim=-1)
        top = logprobs.topk(min(NUM_EXPECTED, logprobs.size(-1)))
        costs = -logprobs.gather(1, targets.unsqueeze(1)).squeeze(1)
        yield costs.tolist(), top.indices.tolist(), top.values.exp().tolist()
