"""When a run is measured, on what, and how far a model that forgets is pulled back."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from torch import Tensor

from lumina_cli.core.model.peft import interpolate_weights
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.precision import Precision
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.evaluate import Evaluation, evaluate
from lumina_cli.core.training.events import StopReason
from lumina_cli.core.training.state import TrainState
from lumina_cli.data.batches import spread_batches
from lumina_cli.data.dataset import TokenDataset

TIME_SHARE = 0.05
"""Of a run that the clock ends: what measuring and saving may take, however often asked for."""

ONE_SHARE, MOST_SHARE = 0.01, 0.05
"""Of it, for one evaluation; and at most, where it is enough for fewer than `FEWEST_CHARS`."""

FEWEST_CHARS = 10_000
"""Beside fewer, better and worse models can't be told apart."""

PULLS, MOST_PULLS = 3, 6
"""Models on the way back to the start that are tried; more where none of them is allowed."""

FLATNESS = 0.4
"""The power of a rise, in logarithms, that gives the share: what was seen lies at 0.3 to 0.6."""

CLOSE = 0.005
"""Two shares between which there is nothing to look for."""

SLIGHTLY_LESS = 0.995
"""Of where a limit should be reached, so that a guess lies on the allowed side of it."""

ROOM_AT_START = 1.02
"""Times what the start costs is allowed where that alone is too much."""

Clock = Callable[[], float]

Tried = tuple[float, float]
"""A share of what was learnt, and what old text costs with it in nats a character."""


@dataclass(frozen=True, eq=False)
class RetentionLimit:
    """What is not to be forgotten.

    Args:
        texts: validation texts of what was learnt before.
        start: the weights that the run began with, by their names in a plain model.
        most_nats: that a character of the texts may cost in the end.
    """

    texts: Sequence[TokenDataset] = ()
    start: Mapping[str, Tensor] = field(default_factory=dict)
    most_nats: float = math.inf


class EvalResult(NamedTuple):
    """What a model is worth on new text and on old, with a share of what it learnt."""

    new: Evaluation
    kept_nats: float | None
    share: float


class Validator:
    """Measures a model while it learns.

    Args:
        validation: text that is not learnt from; may be empty.
        retention: what was learnt before, which is measured and not to be forgotten.
        config: how often, and by how many characters.
        precision: in which the model computes.
        seconds: the whole run has, where the clock ends it.
    """

    def __init__(
        self,
        validation: TokenDataset,
        *,
        retention: RetentionLimit,
        config: TrainingConfig,
        precision: Precision,
        seconds: float | None,
    ) -> None:
        self.validation = validation
        self.retention = retention
        self.config = config
        self.precision = precision
        self.seconds = seconds
        self.max_chars = config.eval_chars

    def is_due(self, counters: TrainState) -> bool:
        """Whether progress has passed another of the marks that divide the run evenly."""
        if counters.evaluated_step < 0:
            return True  # the untrained model
        return self.marks_passed(counters) > counters.evaluations_done

    def marks_passed(self, counters: TrainState) -> int:
        """Return how many of the marks lie behind."""
        marks = float(self.config.num_evals)
        if self.seconds is not None and counters.evaluation_s > 0:
            each_s = counters.evaluation_s + counters.save_s
            marks = min(marks, TIME_SHARE * self.seconds / each_s)
        return int(counters.progress * marks)

    def is_last_due(self, counters: TrainState, reason: StopReason) -> bool:
        """Whether the model at the end is still to be measured.

        An interrupted run will go on, so it is measured only to leave a model at all.
        """
        if reason == "interrupted" and counters.best_step is not None:
            return False
        return counters.evaluated_step != counters.num_steps

    def measure_less(self, model: Transformer, *, batch_size: int, clock: Clock) -> None:
        """Measure by no more text than a small share of the time is enough for.

        Where the clock ends the run. The text stays the same from then on, so that figures
        compare; so it is not chosen anew where others have measured by it before.
        """
        if self.seconds is None or self.retention.texts or not len(self.validation):
            return
        batch_chars = batch_size * model.config.seq_length * self.validation.tokenizer.chars_per_id
        self.max_chars = min(int(batch_chars), self.config.eval_chars)
        for _ in range(2):  # the first call is always slow
            started_s = clock()
            measured = self._measure(model, [self.validation], batch_size=batch_size)
            taken_s = clock() - started_s
        chars_per_s = measured.characters / max(taken_s, 1e-9)
        usual, most = (int(share * self.seconds * chars_per_s) for share in (ONE_SHARE, MOST_SHARE))
        affordable = max(usual, min(FEWEST_CHARS, most), self.max_chars)
        self.max_chars = min(affordable, self.config.eval_chars)

    def most_readings(self, counters: TrainState) -> float:
        """Return how many times as long as the last one the next evaluation may take."""
        if not self.retention.start or counters.share < 1:
            return 1.0
        return (2 + 1 + MOST_PULLS) / 2  # it read old and new text; then the start, and all pulls

    def examine(self, model: Transformer, *, batch_size: int) -> EvalResult:
        """Return what the model is worth, pulled back as far as what is remembered takes."""
        share, kept = 1.0, self._kept_nats(model, batch_size=batch_size)
        if kept is not None and kept > self.retention.most_nats:
            share, kept = self._pull(model, kept, batch_size=batch_size)
            model = interpolate_weights(model, self.retention.start, share=share)
        return EvalResult(
            self._measure(model, [self.validation], batch_size=batch_size), kept, share
        )

    def _pull(self, model: Transformer, kept: float, *, batch_size: int) -> Tried:
        """Return the share of what was learnt that old text allows, and what it costs then."""

        def nats_at(share: float) -> float:
            between = interpolate_weights(model, self.retention.start, share=share)
            nats = self._kept_nats(between, batch_size=batch_size)
            assert nats is not None, "there is old text"
            return nats

        start, limit = nats_at(0.0), self.retention.most_nats
        if not start <= limit:
            limit = ROOM_AT_START * start
        if kept <= limit:
            return 1.0, kept
        tried = [(0.0, start), (1.0, kept)]
        for number in range(MOST_PULLS):
            if number >= PULLS and _allowed(tried, limit=limit)[0] > 0:
                break
            share = _next_share(tried, limit=limit)
            tried.append((share, nats_at(share)))
        return _allowed(tried, limit=limit)

    def _kept_nats(self, model: Transformer, *, batch_size: int) -> float | None:
        if not self.retention.texts:
            return None
        return self._measure(model, self.retention.texts, batch_size=batch_size).nats_per_char

    def _measure(
        self, model: Transformer, texts: Sequence[TokenDataset], *, batch_size: int
    ) -> Evaluation:
        batches = spread_batches(
            texts,
            seq_length=model.config.seq_length,
            batch_size=batch_size,
            max_chars=self.max_chars,
        )
        return evaluate(
            model, batches, tokenizer=self.validation.tokenizer, precision=self.precision
        )


def _allowed(tried: Sequence[Tried], *, limit: float) -> Tried:
    """Return the largest share whose nats are within the limit; the start always is."""
    return max((each for each in tried if each[1] <= limit), default=tried[0])


def _next_share(tried: Sequence[Tried], *, limit: float) -> float:
    """Return where nats should reach the limit, by shares that were tried and their nats.

    What old text costs mostly rises ever more steeply from the start. The first guess is a
    curve that begins flat, the next ones a parabola through the three that are closest to the
    limit. While nothing but the start is allowed the rise is steep at once, and a straight line
    from there is followed.
    """
    low, low_nats = _allowed(tried, limit=limit)
    high, high_nats = min(each for each in tried if not each[1] <= limit)
    middle = (low + high) / 2
    if high - low < CLOSE or low_nats <= 0 or not math.isfinite(high_nats):
        return middle
    if len(tried) == 2:
        return float((math.log(limit / low_nats) / math.log(high_nats / low_nats)) ** FLATNESS)
    if low == 0 and len(tried) > 3:
        return high * min(0.5, SLIGHTLY_LESS * (limit - low_nats) / (high_nats - low_nats))
    finite = [each for each in tried if math.isfinite(each[1])]
    closest = sorted(finite, key=lambda each: abs(each[1] - limit))[:3]
    parabola = np.polyfit([share for share, _ in closest], [nats - limit for _, nats in closest], 2)
    roots = [float(root.real) for root in np.roots(parabola) if root.imag == 0]
    between = [SLIGHTLY_LESS * root for root in roots if low < SLIGHTLY_LESS * root < high]
    return max(between, default=middle)
