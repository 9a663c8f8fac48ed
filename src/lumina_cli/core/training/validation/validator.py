"""When a run is measured, and on what."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import NamedTuple

from lumina_cli.core.model.peft import interpolate_weights
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.precision import Precision
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.divergence import has_unlearnt, is_worse_than_untrained
from lumina_cli.core.training.events import Evaluated, Overfits, StopReason
from lumina_cli.core.training.parallel.rank import ALONE, Clock, Rank, on_all
from lumina_cli.core.training.state import TrainState
from lumina_cli.core.training.validation.evaluate import Evaluation, Totals, measure
from lumina_cli.core.training.validation.retention import MAX_TRIALS, RetentionLimit, find_alpha
from lumina_cli.data.batches import spread_batches
from lumina_cli.data.corpus.dataset import TokenDataset

TIME_SHARE = 0.05
"""Of a run that the clock ends: what measuring and saving may take, however often asked for."""

ONE_SHARE, MOST_SHARE = 0.01, 0.05
"""Of it, for one evaluation; and at most, where it is enough for fewer than `MIN_EVAL_CHARS`."""

MIN_EVAL_CHARS = 10_000
"""Beside fewer, better and worse models can't be told apart."""

OVERFITS_AFTER = 3
"""Evaluations in a row worse than the best, before that is told."""


class EvalResult(NamedTuple):
    """What a model is worth on new text, and its loss on old text, `alpha` of the way to it."""

    new: Evaluation
    base_loss: float | None
    alpha: float


class Validator:
    """Measures a model while it learns.

    Args:
        validation: text that is not learnt from; may be empty.
        retention: what was learnt before, which is measured and not to be forgotten.
        config: how often, and by how many characters.
        precision: in which the model computes.
        seconds: the whole run has, where the clock ends it.
        rank: which of the batches are measured here.
    """

    def __init__(
        self,
        validation: TokenDataset,
        *,
        retention: RetentionLimit,
        config: TrainingConfig,
        precision: Precision,
        seconds: float | None,
        rank: Rank = ALONE,
    ) -> None:
        self.validation = validation
        self.retention = retention
        self.config = config
        self.precision = precision
        self.seconds = seconds
        self.rank = rank
        self.max_chars = config.eval_chars

    def is_due(self, state: TrainState) -> bool:
        """Whether progress has passed another of the marks that divide the run evenly."""
        if state.evaluated_step < 0:
            return True  # the untrained model
        return self.marks_passed(state) > state.evaluations_done

    def marks_passed(self, state: TrainState) -> int:
        """Return how many of the marks lie behind."""
        marks = float(self.config.num_evals)
        if self.seconds is not None and state.evaluation_s > 0:
            each_s = state.evaluation_s + state.save_s
            marks = min(marks, TIME_SHARE * self.seconds / each_s)
        return int(state.progress * marks)

    def is_last_due(self, state: TrainState, reason: StopReason) -> bool:
        """Whether the model at the end is still to be measured.

        An interrupted run will go on, so it is measured only to leave a model at all.
        """
        if reason == "interrupted" and state.best_step is not None:
            return False
        return state.evaluated_step != state.num_steps

    def limit_chars(self, model: Transformer, *, batch_size: int, clock: Clock) -> bool:
        """Measure by no more text than a small share of the time is enough for; say whether so.

        Where the clock ends the run. The text stays the same from then on, so that figures
        compare; so it is not chosen anew where others have measured by it before.
        """
        if self.seconds is None or self.retention.texts or not len(self.validation):
            return False
        batch_chars = batch_size * model.config.seq_length * self.validation.tokenizer.chars_per_id
        self.max_chars = min(int(batch_chars), self.config.eval_chars)
        for _ in range(2):  # the first call is always slow
            started_s = clock()
            measured = self._measure(model, [self.validation], batch_size=batch_size)
            taken_s = clock() - started_s
        chars_per_s = measured.characters / max(taken_s, 1e-9)
        usual, most = (int(share * self.seconds * chars_per_s) for share in (ONE_SHARE, MOST_SHARE))
        affordable = max(usual, min(MIN_EVAL_CHARS, most), self.max_chars)
        self.max_chars = min(affordable, self.config.eval_chars)
        return True

    def max_slowdown(self, state: TrainState) -> float:
        """Return how many times as long as the last one the next evaluation may take."""
        if not self.retention.base_weights or state.alpha < 1:
            return 1.0
        return (2 + 1 + MAX_TRIALS) / 2  # it read old and new text; then the base, and all trials

    def validate(self, model: Transformer, *, batch_size: int) -> EvalResult:
        """Return what the model is worth, as far from its base as old text allows.

        Raises:
            OutOfMemoryError: (torch's) on every rank, where it ran out on one.
        """
        loss_at = partial(self._base_loss, model, batch_size=batch_size)
        alpha, max_loss, base_loss = 1.0, self.retention.max_loss, None
        if self.retention.texts:
            base_loss = loss_at(1.0)
            if base_loss > max_loss:
                alpha, base_loss = find_alpha(loss_at, learnt_loss=base_loss, max_loss=max_loss)
        new = self._measure(model, [self.validation], batch_size=batch_size, alpha=alpha)
        return EvalResult(new, base_loss, alpha)

    def _base_loss(self, model: Transformer, alpha: float, *, batch_size: int) -> float:
        texts = self.retention.texts
        measured = self._measure(model, texts, batch_size=batch_size, alpha=alpha)
        return measured.nats_per_char

    def _measure(
        self,
        model: Transformer,
        texts: Sequence[TokenDataset],
        *,
        batch_size: int,
        alpha: float = 1.0,
    ) -> Evaluation:
        batches = spread_batches(
            texts,
            seq_length=model.config.seq_length,
            batch_size=batch_size,
            max_chars=self.max_chars,
        )
        own = islice(batches, self.rank.index, None, self.rank.world_size)

        def totals() -> Totals:
            base = self.retention.base_weights
            held = interpolate_weights(model, base, alpha=alpha) if alpha < 1 else model
            return measure(held, own, tokenizer=self.validation.tokenizer, precision=self.precision)

        return Evaluation.of(Totals(*self.rank.sum(on_all(totals, rank=self.rank))))


def note_evaluation(result: EvalResult, *, state: TrainState, seconds: float) -> Evaluated:
    """Count an evaluation, and return what is told of it."""
    new, best = result.new, state.best_val_loss
    state.evaluated_step, state.evaluation_s, state.alpha = state.num_steps, seconds, result.alpha
    if state.num_steps == 0 and new.characters:
        state.untrained_val_loss = new.nats_per_char
    # Without validation text the latest model is the best known.
    is_better = new.characters == 0 or new.nats_per_char < (math.inf if best is None else best)
    evaluated = Evaluated(
        step=state.num_steps,
        nats_per_char=new.nats_per_char,
        bits_per_char=new.bits_per_char,
        accuracy=new.accuracy,
        is_best=state.num_steps > 0 and is_better,
        seconds=seconds,
        base_loss=result.base_loss,
        alpha=result.alpha,
        is_worse_than_untrained=is_worse_than_untrained(new.nats_per_char, state),
    )
    if has_unlearnt(evaluated, state):
        evaluated = replace(evaluated, is_best=False)
    if evaluated.is_best:
        state.best_step, state.num_worse = state.num_steps, 0
        state.best_val_loss = new.nats_per_char if new.characters else None
    elif state.num_steps > 0:
        state.num_worse += 1
    return evaluated


def note_overfitting(evaluated: Evaluated, *, state: TrainState) -> list[Overfits]:
    """Return that validation gets worse, once it has for some time."""
    best, best_step = state.best_val_loss, state.best_step
    # Without a best one, no measurement was a number yet.
    if state.num_worse != OVERFITS_AFTER or best is None:
        return []
    assert best_step is not None
    return [Overfits(state.num_steps, best_step, best, evaluated.nats_per_char)]
