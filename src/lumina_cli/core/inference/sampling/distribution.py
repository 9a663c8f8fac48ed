"""The distribution that a sampler draws from, to be shown.

V vocabulary.
"""

from collections.abc import Iterable

import numpy as np

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.sampling.filters import (
    Logits,
    make_filter,
    penalize,
    softmax,
    temperature,
)


def distribution(config: SamplingConfig, logits: Logits, recent: Iterable[int]) -> Logits:
    """Return the probability with which `Sampler` chooses each id, (V,), in fp64.

    Args:
        config: any sampler but beam search.
        logits: (V,), −inf where an id may not come.
        recent: the ids just before, for the repetition penalty.
    """
    logits = penalize(config, logits.astype(np.float64), recent)
    if config.is_greedy:
        chosen = np.zeros_like(logits)
        chosen[logits.argmax()] = 1
        return chosen
    return softmax(make_filter(config)(temperature(logits, value=config.temperature)))
