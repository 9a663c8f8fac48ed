"""One optimizer step: gradients summed over micro-batches, clipped, applied.

The gradient is that of the summed loss divided by the number of ids that count in the
whole batch, so cutting the batch changes nothing but rounding. A step is a
transaction: whichever operation memory runs out in, it ends as if it had not.

- While gradients are summed, the step starts over with the same random state and micro-batches
  half as large; when one window is too much, activations are computed twice instead of
  kept; when even that is too much, the run ends.
- Then the optimizer changes numbers in place, by operations that take no memory or can be done
  again.
"""

import math
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor

from lumina_cli.core.memory import none_on_oom, retry_on_oom
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.precision import LossScale, Precision, SkipReason
from lumina_cli.core.seeding import random_state, restore_random_state
from lumina_cli.core.training.events import BatchGrown, BatchSplit, CompileFailed, TrainEvent
from lumina_cli.core.training.optim.optimizers import Optimizers
from lumina_cli.core.training.parallel.rank import ALONE, Rank, own_rows
from lumina_cli.core.training.parallel.threads import (
    ThreadDataParallel,
    is_worth_sharing,
    least_chars,
    num_workers,
    start_workers,
)
from lumina_cli.core.training.step.compiled import Compiled
from lumina_cli.core.training.step.gradients import add_gradients
from lumina_cli.data.batches import Batch
from lumina_cli.errors import OutOfMemoryError

TRY_LARGER_AFTER = 500
"""Steps after which micro-batches twice as large are tried again: memory may have been freed."""

_TINY = 1e-6


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one step measured (see `events.StepDone`); `skipped` says why it was not done."""

    loss: float
    accuracy: float
    grad_norm: float
    skipped: SkipReason | None = None


class _Sums(NamedTuple):
    """Sums over a batch, and the length of its gradient."""

    nll: float
    num_right: float
    grad_norm: float


_Local = list[tuple[Tensor, Tensor]]
"""Summed loss and ids that were right, of each part that was learnt from on this rank."""


class Stepper:
    """Does optimizer steps on a model.

    Args:
        model: in training mode, on its device.
        optimizers: of its parameters.
        precision: in which the model computes.
        grad_clip: longest gradient.
        label_smoothing: of the loss that is learnt from.
        micro_batch_size: windows of the model's length at once, at most, or as much text in
            shorter ones; fewer once memory has run out.
        rank: which of the windows of a batch are learnt from here.
    """

    def __init__(
        self,
        model: Transformer,
        optimizers: Optimizers,
        *,
        precision: Precision,
        grad_clip: float,
        label_smoothing: float,
        micro_batch_size: int,
        rank: Rank = ALONE,
    ) -> None:
        self.model = model
        self.optimizers = optimizers
        self.precision = precision
        self.grad_clip = grad_clip
        self.label_smoothing = label_smoothing
        self.micro_batch_size = self.largest = micro_batch_size
        self.rank = rank
        self._gradient_sum = rank.gradient_sum(list(model.parameters()), optimizers.gradients)
        self.loss_scale = LossScale(precision)
        self.compiled: Compiled | None = None
        self.workers = start_workers(model)
        self.steps_at_size = 0

    @property
    def has_run_out(self) -> bool:
        """Whether memory has run out, and larger micro-batches have not been tried again since."""
        return self.micro_batch_size < self.largest

    @property
    def micro_batching(self) -> tuple[int, bool]:
        """How many windows are computed at once, and whether activations are computed twice."""
        return self.micro_batch_size, self.model.activation_checkpointing

    @property
    def is_compiled(self) -> bool:
        """Whether the model is computed compiled."""
        return self.compiled is not None and self.compiled.failure is None

    @property
    def may_share(self) -> bool:
        """Whether threads share steps where they can be started, and memory is enough.

        Not where micro-batches are too small to have a window of full length for each; nor where
        activations are computed twice: the second time other random numbers would be drawn.
        """
        has_enough = self.largest >= num_workers(self.model.wte.weight.device)
        return has_enough and not self.is_compiled and not self.model.activation_checkpointing

    @property
    def num_workers(self) -> int:
        """How many threads share a step, where it can be shared."""
        return 1 if self.workers is None else self.workers.count

    def step(self, batch: Batch, *, lr_factor: float) -> StepResult:
        """Learn from one batch at a share of the highest learning rates.

        Where loss or gradient are not finite, nothing is touched and the result says so.

        Raises:
            OutOfMemoryError: a single window of text is too much.
        """
        self._maybe_try_larger()
        device = self.model.wte.weight.device
        random = retry_on_oom(partial(random_state, device))
        while (sums := self._gradients(batch)) is None:
            restore_random_state(random, device=device)
        num = max(batch.num_in_loss, 1)
        result = StepResult(sums.nll / num, sums.num_right / num, sums.grad_norm)
        if not math.isfinite(sums.nll) or not math.isfinite(sums.grad_norm):
            return replace(result, skipped=self.loss_scale.skip())
        clipped = min(1.0, self.grad_clip / (sums.grad_norm + _TINY))
        self.optimizers.step(lr_factor=lr_factor, grad_factor=clipped / self.loss_scale.value)
        self.loss_scale.step_done()
        self.steps_at_size += 1
        return result

    def _gradients(self, batch: Batch) -> _Sums | None:
        """Sum the gradients of the batch over all ranks.

        Returns:
            None where it is to be done again, in smaller micro-batches or uncompiled: whatever
            happened on one rank, all have done their part of the sum, and do the same from there.
        """
        was_compiled = self.is_compiled
        local = none_on_oom(partial(self._learn_own, batch))
        self._gradient_sum.finish()
        sums = None if local is None else none_on_oom(partial(self._sums, local))
        failed_to_compile = was_compiled and not self.is_compiled
        nll, num_right, norm = sums or _Sums(0.0, 0.0, 0.0)
        norm = norm if self.rank.index == 0 else 0.0  # those of the others may be rounded otherwise
        told = (sums is None, failed_to_compile, nll, num_right, norm)
        has_run_out, must_give_up, nll, num_right, norm = self.rank.sum(told)
        if must_give_up and self.compiled is not None:
            self.compiled.give_up_with_others()
            return None
        if has_run_out:
            self.halve_micro_batch()
            return None
        return _Sums(nll, num_right, norm)

    def _learn_own(self, batch: Batch) -> _Local:
        """Sum the gradients of this rank's part of the batch, if the compiler lets it."""
        try:
            with self.rank.own_draws(self.model.wte.weight.device):
                return self._learn_shared(batch)
        except Exception as error:  # whatever a compiler may say
            if self.compiled is None or not self.compiled.give_up(error):
                raise
        return []

    def _learn_shared(self, batch: Batch) -> _Local:
        """Sum the gradients of this rank's part of the batch, shared where that is faster."""
        self.optimizers.zero_grad()
        own = own_rows(batch, rank=self.rank)
        num_windows, seq_length = own.inputs.shape
        size = self.micro_batch_size * self.model.config.seq_length // seq_length
        factor = self.loss_scale.value / max(batch.num_in_loss, 1)
        learn = partial(
            add_gradients,
            factor=factor,
            hidden=self._hidden,
            precision=self.precision,
            label_smoothing=self.label_smoothing,
        )
        workers = self._sharing(num_windows, seq_length)
        if workers is None:
            begin = self._gradient_sum.begin
            return [learn(self.model, own, at_once=size, before_last=begin)]
        bounds = [num_windows * n // workers.count for n in range(workers.count + 1)]
        parts = [own.rows(start, stop) for start, stop in pairwise(bounds)]
        at_once = num_windows if num_windows <= size else size // workers.count
        return workers.run(partial(learn, at_once=at_once), parts)

    def _sums(self, local: _Local) -> _Sums:
        scaled_norm = self.optimizers.grad_norm()
        return _Sums(  # sync point
            sum(nll.item() for nll, _ in local),
            sum(num_right.item() for _, num_right in local),
            scaled_norm.item() / self.loss_scale.value,
        )

    def _sharing(self, num_windows: int, seq_length: int) -> ThreadDataParallel | None:
        """Return the workers that share a batch, if any do: they need more memory than one."""
        workers = self.workers
        if workers is None or not self.may_share or self.has_run_out:
            return None
        is_worth_it = is_worth_sharing(
            num_windows,
            seq_length,
            count=workers.count,
            least=least_chars(self.model.config.hidden_size, self.precision),
        )
        return workers if is_worth_it else None

    def _hidden(self, model: Transformer, inputs: Tensor) -> Tensor:
        if self.compiled is None or self.compiled.failure is not None:
            return model.hidden(inputs)
        return self.compiled(inputs)

    def halve_micro_batch(self) -> None:
        """Take half as many windows at once, or keep fewer activations.

        Raises:
            OutOfMemoryError: it is one window already, and none are kept.
        """
        self.steps_at_size = 0
        if self.micro_batch_size > 1:
            self.micro_batch_size = -(-self.micro_batch_size // 2)
        elif not self.model.activation_checkpointing:
            self.model.activation_checkpointing = True
        else:
            raise OutOfMemoryError(
                "memory ran out on a single window of text",
                hint="Use a smaller model or window: --preset small, or --seq-length 256",
            )

    def events_since(self, before: tuple[int, bool], *, step: int) -> list[TrainEvent]:
        """Return what memory or a compiler changed since micro-batching was `before`, each once."""
        events: list[TrainEvent] = []
        if self.micro_batch_size > before[0]:
            events = [BatchGrown(step, self.micro_batch_size)]
        elif self.micro_batching != before:
            events = [BatchSplit(step, *self.micro_batching)]
        if self.compiled is not None and self.compiled.failure is not None:
            events.append(CompileFailed(step, self.compiled.failure))
            self.compiled = None
        return events

    def _maybe_try_larger(self) -> None:
        """Try micro-batches twice as large, long after memory ran out."""
        if self.has_run_out and self.steps_at_size >= TRY_LARGER_AFTER:
            self.micro_batch_size = min(2 * self.micro_batch_size, self.largest)
            self.steps_at_size = 0
