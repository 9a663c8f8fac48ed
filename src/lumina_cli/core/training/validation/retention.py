"""What a fine-tuned model is not to forget, and how far it may leave its base weights for that.

Weights between those of the base and those that were learnt, `alpha` of the way, often know
nearly all that is new and nearly all that is old.
Source: Wortsman et al. 2022, "Robust fine-tuning of zero-shot models" (WiSE-FT).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from lumina_cli.data.corpus.dataset import TokenDataset

NUM_TRIALS, MAX_TRIALS = 3, 6
"""Values of alpha that are tried; more where none of them is allowed."""

FLATNESS = 0.4
"""The power of a rise, in logarithms, that gives alpha: what was seen lies at 0.3 to 0.6."""

CLOSE = 0.005
"""Two values of alpha between which there is nothing to look for."""

SLIGHTLY_LESS = 0.995
"""Of where a limit should be reached, so that a guess lies on the allowed side of it."""

ROOM_AT_BASE = 1.02
"""Times the loss of the base is allowed where that alone is too much."""

Trial = tuple[float, float]
"""A value of alpha, and the loss on old text with it."""


@dataclass(frozen=True, eq=False)
class RetentionLimit:
    """What is not to be forgotten.

    Args:
        texts: validation texts of what was learnt before.
        base_weights: that the run began with, by their names in a plain model.
        max_loss: on the texts in the end, in nats per character.
    """

    texts: Sequence[TokenDataset] = ()
    base_weights: Mapping[str, Tensor] = field(default_factory=dict)
    max_loss: float = math.inf


def find_alpha(loss_at: Callable[[float], float], *, learnt_loss: float, max_loss: float) -> Trial:
    """Return the largest alpha found whose loss on old text is allowed, and that loss.

    Args:
        loss_at: measures the loss on old text at an alpha.
        learnt_loss: what it is at 1.
        max_loss: that is allowed.
    """
    base_loss = loss_at(0.0)
    limit = max_loss if base_loss <= max_loss else ROOM_AT_BASE * base_loss
    if learnt_loss <= limit:
        return 1.0, learnt_loss
    trials = [(0.0, base_loss), (1.0, learnt_loss)]
    for number in range(MAX_TRIALS):
        if number >= NUM_TRIALS and _allowed(trials, limit=limit)[0] > 0:
            break
        alpha = _next_alpha(trials, limit=limit)
        trials.append((alpha, loss_at(alpha)))
    return _allowed(trials, limit=limit)


def _allowed(trials: Sequence[Trial], *, limit: float) -> Trial:
    """Return the largest alpha whose loss is within the limit; the base always is."""
    return max((trial for trial in trials if trial[1] <= limit), default=trials[0])


def _next_alpha(trials: Sequence[Trial], *, limit: float) -> float:
    """Return where the loss should reach the limit, by what was tried.

    The loss on old text mostly rises ever more steeply from the base. The first guess is a
    curve that begins flat, the next ones a parabola through the three trials closest to the
    limit. While nothing but the base is allowed the rise is steep at once, and a straight line
    from there is followed.
    """
    low, low_loss = _allowed(trials, limit=limit)
    high, high_loss = min(trial for trial in trials if not trial[1] <= limit)
    middle = (low + high) / 2
    if high - low < CLOSE or low_loss <= 0 or not math.isfinite(high_loss):
        return middle
    if len(trials) == 2:
        return float((math.log(limit / low_loss) / math.log(high_loss / low_loss)) ** FLATNESS)
    if low == 0 and len(trials) > 3:
        return high * min(0.5, SLIGHTLY_LESS * (limit - low_loss) / (high_loss - low_loss))
    finite = [trial for trial in trials if math.isfinite(trial[1])]
    closest = sorted(finite, key=lambda trial: abs(trial[1] - limit))[:3]
    parabola = np.polyfit([alpha for alpha, _ in closest], [loss - limit for _, loss in closest], 2)
    roots = [float(root.real) for root in np.roots(parabola) if root.imag == 0]
    between = [SLIGHTLY_LESS * root for root in roots if low < SLIGHTLY_LESS * root < high]
    return max(between, default=middle)
