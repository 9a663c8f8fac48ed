"""From the logits of a position to the next id.

The same logits can come out of several computations: id by id, several guessed ids at once,
many texts side by side. They differ in the last bits, and once in many thousand choices
that would decide. So a choice says whether it is safe from rounding; one that is not is made
again on logits that depend on the text alone (`Sampler.resample`). Thus a text comes out the
same whichever way it was computed.

V vocabulary.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.sampling.filters import (
    NEVER,
    Logits,
    make_filter,
    penalize,
    softmax,
    temperature,
)
from lumina_cli.errors import LuminaError

ROUNDING = 3e-4
"""Above what logits (fp32) differ by from one way of computing them to another; several
times the largest difference seen over thousands of characters."""

_SUM_ROUNDING = 1e-9
"""Above what a sum of probabilities (fp64) differs by in another order."""

_SMALLEST = np.finfo(np.float64).tiny
_MANY = (1 << 63) - 1
_NOISE_NUMBERS = 8_192


class Choice(NamedTuple):
    """An id, and whether logits that differ by rounding would give the same."""

    id: int
    is_safe: bool


class Sampler:
    """Chooses ids as a config describes.

    Of independent exponential times with rates p, the first to come is i with probability
    p_i; in logarithms: the largest of log p_i − log t_i. The times of each position come
    from the generator alone, so what is drawn there doesn't depend on what was tried before;
    it seeds one of NumPy's, which draws them in half the time.

    Args:
        config: any sampler but beam search.
        generator: where draws come from, on the CPU.
    """

    def __init__(self, config: SamplingConfig, *, generator: torch.Generator) -> None:
        self._config = config
        self._generator = generator
        self._is_greedy = config.is_greedy
        self._narrow = None if config.is_greedy else make_filter(config)
        self._slack = ROUNDING if config.is_greedy else ROUNDING / config.temperature
        self._random: np.random.Generator | None = None
        self._noise: list[Logits] = []
        self._drawn: Logits | None = None

    def sample(self, logits: Logits, recent: Iterable[int]) -> int | None:
        """Return the next id; None where rounding might decide, for `resample` to tell.

        Args:
            logits: (V,), −inf where an id may not come.
            recent: the ids just before, for the repetition penalty.

        Raises:
            LuminaError: the logits are not numbers.
        """
        self._drawn = None if self._is_greedy else self._next_noise(len(logits))
        choice = self._choose(logits, recent, noise=self._drawn)
        return choice.id if choice.is_safe else None

    def resample(self, logits: Logits, recent: Iterable[int]) -> int:
        """Return the next id by these logits, whatever rounding does, with the same draws.

        Args:
            logits: computed in the way that depends on the text alone.
            recent: as for `sample`.
        """
        return self._choose(logits, recent, noise=self._drawn).id

    def _choose(self, logits: Logits, recent: Iterable[int], *, noise: Logits | None) -> Choice:
        if not math.isfinite(logits.max()):  # of a row with a NaN it is NaN
            raise _unusable()
        logits = penalize(self._config, logits.astype(np.float64), recent)
        if self._narrow is None or noise is None:
            return _first(logits, slack=self._slack)
        logits = temperature(logits, value=self._config.temperature)
        scores = logits + noise
        choice = _first(scores, slack=self._slack)
        if choice.is_safe and self._surely_keeps(logits, choice.id):
            return choice  # the first of all is first of those kept: nothing need be sorted
        is_out = self._narrow(logits) == NEVER
        choice = _first(np.where(is_out, NEVER, scores), slack=self._slack)
        rivals = logits[is_out & (scores > scores[choice.id] - self._slack)]
        is_safe = (
            choice.is_safe
            and self._surely_keeps(logits, choice.id)
            and (not len(rivals) or self._surely_rules_out(logits, rivals.max()))
        )
        return Choice(choice.id, is_safe)

    def _surely_keeps(self, logits: Logits, id_: int) -> bool:
        """Whether the filter keeps an id whatever rounding does; the likeliest it always does."""
        config, slack = self._config, self._slack
        may_be_above = logits >= logits[id_] - slack  # itself among them
        num_above = np.count_nonzero(may_be_above)
        if num_above == 1:
            return True
        if config.sampler == "top-k":
            return bool(num_above <= config.top_k)
        if config.sampler == "min-p":
            return bool(logits[id_] - slack > self._least(logits))
        probs = softmax(logits)
        above = float(probs @ may_be_above - probs[id_])
        return above + self._moves(above) < config.top_p - _SUM_ROUNDING

    def _surely_rules_out(self, logits: Logits, logit: float) -> bool:
        """Whether the filter rules out whatever is no likelier than `logit`, even if rounded."""
        config, slack = self._config, self._slack
        are_above = logits > logit + slack
        if config.sampler == "top-k":
            return bool(np.count_nonzero(are_above) >= config.top_k)
        if config.sampler == "min-p":
            return bool(logit + slack < self._least(logits))
        above = float(softmax(logits) @ are_above)
        return above - self._moves(above) > config.top_p + _SUM_ROUNDING

    def _least(self, logits: Logits) -> float:
        """Return the least logit that min-p keeps."""
        min_p = self._config.min_p
        return float(logits.max()) + math.log(min_p) if min_p else NEVER

    def _moves(self, mass: float) -> float:
        """Return how much rounding may change the sum of some probabilities.

        Its odds to the rest change by the factor e^(2 · slack) at most.
        """
        return math.expm1(2 * self._slack) * mass * (1 - mass)

    def _next_noise(self, vocab_size: int) -> Logits:
        """Return −log of exponential times, (V,), drawn many positions at once."""
        if not self._noise:
            if self._random is None:
                seed = torch.randint(_MANY, (), generator=self._generator)
                self._random = np.random.Generator(np.random.SFC64(int(seed)))
            num_rows = max(1, _NOISE_NUMBERS // vocab_size)
            times = self._random.standard_exponential((num_rows, vocab_size))
            self._noise = list(-np.log(np.maximum(times, _SMALLEST))[::-1])
        return self._noise.pop()


def _first(scores: Logits, *, slack: float) -> Choice:
    """Return the id with the largest score; of equal ones the first."""
    id_ = int(scores.argmax())
    best, scores[id_] = scores[id_], NEVER
    is_safe = bool(best - scores.max() > slack)
    scores[id_] = best
    return Choice(id_, is_safe)


def refuse_unusable(logits: Tensor) -> None:
    """Raise LuminaError where a row of `logits` (B, V) holds a NaN, +inf, or only −inf.

    Sync point.
    """
    largest: list[float] = logits.amax(dim=-1).tolist()  # of a row with a NaN it is NaN
    if not all(map(math.isfinite, largest)):
        raise _unusable()


def _unusable() -> LuminaError:
    return LuminaError(
        "the model's probabilities are not numbers (NaN or infinite), so nothing can be said",
        hint="Try --precision fp32; if it stays, train again from an earlier checkpoint.",
    )
