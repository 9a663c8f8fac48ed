"""Filters on logits: each takes those of one position and returns them, what it rules out as −inf.

They compute what the logits processors of Hugging Face transformers do, ties included:
characters as likely as the last one kept by top-k stay, and of equally likely characters
top-p keeps as many as it needs. A NaN is never hidden: it stays in the result.

They are NumPy, for a position is a few hundred numbers: there starting an operation costs
more than doing it, and NumPy starts one several times faster than torch.

V vocabulary.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.tokenizer.special_ids import NUM_SPECIAL

Logits = npt.NDArray[np.floating[Any]]
"""Logits of one position, (V,)."""

Filter = Callable[[Logits], Logits]

NEVER = -np.inf


def repetition_penalty(logits: Logits, seen: Iterable[int], *, penalty: float) -> Logits:
    """Make ids that were seen less likely: divide a positive logit, multiply a negative one.

    Args:
        logits: (V,).
        seen: ids; one that stands twice is penalized once.
        penalty: 1 changes nothing.

    Source: Keskar et al. 2019, "CTRL".
    """
    ids = list(seen)
    score = logits[ids]
    out = logits.copy()
    out[ids] = np.where(score < 0, score * penalty, score / penalty)
    return out


def temperature(logits: Logits, *, value: float) -> Logits:
    """Sharpen (below 1) or flatten (above 1) the distribution."""
    return logits / value


def top_k(logits: Logits, *, k: int) -> Logits:
    """Keep the k likeliest ids, and those as likely as the last of them."""
    if k >= len(logits):
        return logits
    least = np.partition(logits, -k)[-k]
    return np.where(logits < least, NEVER, logits)


def top_p(logits: Logits, *, p: float) -> Logits:
    """Keep the fewest likeliest ids whose probabilities together reach p, at least one.

    The id that crosses p is kept. The sum runs from the unlikely end, where it is exact.
    Source: Holtzman et al. 2019, "The Curious Case of Neural Text Degeneration".
    """
    order = logits.argsort(kind="stable")
    up_to_here = softmax(logits)[order].cumsum()
    ruled_out = up_to_here <= 1 - p
    ruled_out[-1] = False
    out = logits.copy()
    out[order[ruled_out]] = NEVER
    return out


def min_p(logits: Logits, *, p: float) -> Logits:
    """Keep ids at least p times as likely as the likeliest.

    Source: Nguyen et al. 2024, "Turning Up the Heat: Min-p Sampling".
    """
    probs = softmax(logits)
    return np.where(probs < p * probs.max(), NEVER, logits)


def softmax(logits: Logits) -> Logits:
    """Return the probabilities of logits."""
    exps = np.exp(logits - logits.max())
    probs: Logits = exps / exps.sum()
    return probs


def penalize(config: SamplingConfig, logits: Logits, recent: Iterable[int]) -> Logits:
    """Apply the repetition penalty of `config` for the ids just before."""
    if config.repetition_penalty == 1:
        return logits
    # To end a turn, or to have ended one, is no repetition.
    seen = [id_ for id_ in recent if id_ >= NUM_SPECIAL]
    return repetition_penalty(logits, seen, penalty=config.repetition_penalty)


def make_filter(config: SamplingConfig) -> Filter:
    """Return the filter that a drawing sampler has of its own."""
    match config.sampler:
        case "top-k":
            return partial(top_k, k=config.top_k)
        case "nucleus":
            return partial(top_p, p=config.top_p)
        case "min-p":
            return partial(min_p, p=config.min_p)
    raise AssertionError(config.sampler)
