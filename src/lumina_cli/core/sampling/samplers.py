"""From filtered logits to the next id.

B batch, V vocabulary.
"""

import math
from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor

from lumina_cli.core.sampling.config import SamplingConfig
from lumina_cli.core.sampling.filters import compose
from lumina_cli.errors import LuminaError

Sampler = Callable[[Tensor, Iterable[int]], Tensor]
"""From logits (B, V), and the ids just before them, to the next ids (B,)."""

_SMALLEST = torch.finfo(torch.float64).tiny


def greedy(logits: Tensor) -> Tensor:
    """Return the likeliest id of each row, (B,); of equally likely ones the first."""
    return logits.argmax(dim=-1)


def draw(logits: Tensor, *, generator: torch.Generator) -> Tensor:
    """Return one id of each row, (B,), drawn with the probabilities of `logits` (B, V).

    Of independent exponential times with rates p, the first to come is i with probability
    p_i. It is what `torch.multinomial` does, without its check that waits for the device;
    in float64, where the noise is never so coarse that a rare id is favoured. All of it is
    done where the generator is: the same draws whatever device the logits are on, and some
    devices (MPS) have no float64.
    """
    probs = logits.to(generator.device).softmax(dim=-1, dtype=torch.float64)
    times = torch.empty_like(probs).exponential_(generator=generator)
    times.clamp_min_(_SMALLEST)  # 0 / 0 would be NaN, and NaN the maximum
    return probs.div_(times).argmax(dim=-1).to(logits.device)


def make_sampler(config: SamplingConfig, *, generator: torch.Generator) -> Sampler:
    """Return the sampler that `config` describes; its draws come from `generator`."""
    narrow = compose(config)
    choose = greedy if config.is_greedy else partial(draw, generator=generator)

    def sample(logits: Tensor, recent: Iterable[int]) -> Tensor:
        left = narrow(logits, recent)
        refuse_unusable(left)  # they hide nothing, and a low temperature may overflow
        return choose(left)

    return sample


def refuse_unusable(logits: Tensor) -> None:
    """Raise LuminaError where a row of `logits` (B, V) holds a NaN, +inf, or only −inf.

    Sync point.
    """
    largest: list[float] = logits.amax(dim=-1).tolist()  # of a row with a NaN it is NaN
    if not all(map(math.isfinite, largest)):
        raise LuminaError(
            "the model's probabilities are not numbers (NaN or infinite), so nothing can be said",
            hint="Try --precision fp32; if it stays, train again from an earlier checkpoint.",
        )
