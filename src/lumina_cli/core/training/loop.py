"""The training loop: a generator of typed events.

It draws nothing, saves nothing and knows no files. Between two events it stands still, so
that whoever iterates can take its `state()`, save the model as it is, or stop iterating.
What comes next is decided from the state alone, so a run that is restored at any event
goes on as if it had never stopped.
"""

import math
import time
from collections.abc import Callable, Iterator
from functools import partial

from lumina_cli.core.memory import none_on_oom, retry_on_oom
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.precision import Precision
from lumina_cli.core.training.compiled import Compiled
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.divergence import (
    MOST_ROLLBACKS,
    count_good,
    count_skip,
    diverged,
    has_diverged,
    is_spike,
    roll_back,
)
from lumina_cli.core.training.events import (
    BatchSplit,
    EpochDone,
    Evaluated,
    Finished,
    Interrupted,
    Overfits,
    RolledBack,
    Sampled,
    SampleSkipped,
    StepSkipped,
    StopReason,
    TrainEvent,
)
from lumina_cli.core.training.optim.optimizers import build_optimizers
from lumina_cli.core.training.schedule import (
    Limits,
    Position,
    learning_rate_factor,
    window_length,
)
from lumina_cli.core.training.snapshot import put_back, take
from lumina_cli.core.training.state import Snapshot, TrainState
from lumina_cli.core.training.step import Stepper, StepResult
from lumina_cli.core.training.telling import (
    tell_compiling,
    tell_memory,
    tell_spike,
    tell_step,
)
from lumina_cli.core.training.time_budget import Pace, note_saving, reserve_s
from lumina_cli.core.training.validation import EvalResult, RetentionLimit, Validator
from lumina_cli.data.batches import Batch, EpochBatches, Replay
from lumina_cli.data.dataset import TokenDataset

Sample = Callable[[Transformer], str]
LoadLastGood = Callable[[], Snapshot]
Clock = Callable[[], float]

SAMPLE_EVERY_S = 20.0
FIRST_SAMPLE_S = 2.0
SAMPLE_SHARE = 0.05
"""Of the time, at most, for samples of a model that says them slowly."""

OVERFITS_AFTER = 3
"""Evaluations in a row worse than the best, before that is told."""


class Trainer:
    """Trains a model on encoded text.

    Args:
        model: on its device.
        train: what is learnt from.
        validation: what is only measured; may be empty.
        replay: older text to mix in.
        retention: what was learnt before, which is measured and not to be forgotten.
        config: how long and how fast.
        precision: in which the model computes.
        seconds: with `config.minutes`, what is left of them for the loop.
        sample: shows what the model says by now; called every 20 seconds, or less often.
        load_last_good: returns the last good state, to go back to when training diverges.
        compiles: whether to compile the model; where that fails it is computed as it is.
        measures_less: whether to measure by less text where `seconds` are few for the model.
        clock: seconds from anywhere, for tests to set.
    """

    def __init__(
        self,
        model: Transformer,
        *,
        train: TokenDataset,
        validation: TokenDataset,
        config: TrainingConfig,
        precision: Precision,
        replay: Replay | None = None,
        retention: RetentionLimit | None = None,
        seconds: float | None = None,
        sample: Sample | None = None,
        load_last_good: LoadLastGood | None = None,
        compiles: bool = False,
        measures_less: bool = False,
        clock: Clock = time.monotonic,
    ) -> None:
        self.model = model
        self.train = train
        self.replay = replay
        self.config = config
        self.sample = sample
        self.load_last_good = load_last_good
        self.measures_less = measures_less
        self.clock = clock
        self.limits = Limits(epochs=config.epochs, max_steps=config.max_steps, seconds=seconds)
        self.validator = Validator(
            validation,
            retention=retention or RetentionLimit(),
            config=config,
            precision=precision,
            seconds=seconds,
        )
        self.model.recompute = config.activation_checkpointing
        self.stepper = Stepper(
            model,
            build_optimizers(model, config=config),
            precision=precision,
            grad_clip=config.grad_clip,
            label_smoothing=config.label_smoothing,
            micro_batch_size=config.largest_micro_batch,
        )
        if compiles:
            self.stepper.compiled = Compiled(model)
        self.counters = TrainState()
        self._batches = self._shuffle_epoch()
        self._stopped = False
        self._resumed_s = self._next_sample_s = 0.0
        self._pace = Pace()

    @property
    def num_steps(self) -> int:
        """How many optimizer steps are done."""
        return self.counters.num_steps

    def run(self) -> Iterator[TrainEvent]:
        """Train until a limit is reached, telling each thing that happens.

        Raises:
            OutOfMemoryError: no smaller step was left to try.
            DivergedError: going back did not help.
        """
        self.model.train()
        self._resumed_s = self.clock() - self.counters.elapsed_s
        self._next_sample_s = self.clock() + FIRST_SAMPLE_S
        while (reason := self._reason_to_stop()) is None:
            if self.counters.is_epoch_over:
                yield self._end_epoch()
            if self.validator.is_due(self.counters):
                yield from self._evaluate()
                continue
            if self.sample is not None and self.clock() >= self._next_sample_s:
                yield self._show_sample(self.sample)
            yield from self._step()
        if self.counters.is_epoch_over:
            yield self._end_epoch()
        if reason == "interrupted":
            yield Interrupted(self.num_steps)
        if self.validator.is_last_due(self.counters, reason):
            yield from self._evaluate()
        yield Finished(self.num_steps, reason, self._elapsed_s)

    def last_batch(self) -> Batch:
        """Return the batch that was tried last."""
        return self._batches[max(self.counters.batch_index - 1, 0)]

    def stop(self) -> None:
        """Let the run end after the step in hand."""
        self._stopped = True

    def state(self) -> Snapshot:
        """Return all that the run needs to go on from here, the live tensors in it."""
        self.counters.elapsed_s = self._elapsed_s
        return take(self.counters, stepper=self.stepper, start=self.validator.retention.start)

    def restore(self, state: Snapshot, *, has_other_limits: bool = False) -> None:
        """Go on from a state.

        Args:
            state: of a run of the same model, optimizer and data.
            has_other_limits: whether that run was to end elsewhere, so that what is done is
                another share of the whole now.

        Raises:
            ModelFileError: it is of another model or optimizer.
        """
        self.counters = put_back(
            state, stepper=self.stepper, start=self.validator.retention.start, config=self.config
        )
        if self.counters.eval_chars:
            self.validator.max_chars = min(self.counters.eval_chars, self.config.eval_chars)
        self._batches = self._shuffle_epoch()
        self._resumed_s = self.clock() - self.counters.elapsed_s
        if has_other_limits:
            self._count_progress_anew()

    def _count_progress_anew(self) -> None:
        counters = self.counters
        position = Position(counters.num_steps, self._passes(), counters.elapsed_s)
        counters.progress = self.limits.progress(position)
        counters.evaluations_done = self.validator.marks_passed(counters)
        self._batches = self._shuffle_epoch()

    @property
    def _elapsed_s(self) -> float:
        return self.clock() - self._resumed_s

    @property
    def _reserve_s(self) -> float:
        return reserve_s(self.counters, readings=self.validator.most_readings(self.counters))

    def _reason_to_stop(self) -> StopReason | None:
        """Return why the run is over, if it is; it has one step at least to show for itself."""
        counters = self.counters
        if counters.num_steps == 0:
            return None
        if self._stopped:
            return "interrupted"
        if self.config.patience and counters.num_worse >= self.config.patience:
            return "patience"
        elapsed_s = self._elapsed_s + self._reserve_s
        return self.limits.reached(Position(counters.num_steps, self._passes(), elapsed_s))

    def _passes(self, *, further: int = 0) -> float:
        counters = self.counters
        return counters.epoch + (counters.batch_index + further) / len(self._batches)

    def _step(self) -> Iterator[TrainEvent]:
        counters, stepper = self.counters, self.stepper
        if self._batches.seq_length != self._window_length():
            self._batches = self._shuffle_epoch()
        # Longer windows may be cut into fewer batches, here or before a resume.
        counters.batch_index = min(counters.batch_index, len(self._batches) - 1)
        batch = retry_on_oom(partial(self._batches.__getitem__, counters.batch_index))
        started_s = self.clock()
        progress = self._progress_after_step()
        factor = counters.lr_scale * learning_rate_factor(
            progress,
            warmup_ratio=self.config.warmup_ratio,
            min_lr_ratio=self.config.min_lr_ratio,
        )
        before = (stepper.micro_batch_size, self.model.recompute)
        result = stepper.step(batch, lr_factor=factor)
        self._pace.note_step(
            self.clock() - started_s,
            counters=counters,
            seq_length=self._batches.seq_length,
            is_compiled=stepper.compiled is not None,
        )
        counters.num_attempts += 1
        counters.batch_index += 1
        counters.is_epoch_over = counters.batch_index == len(self._batches)
        happened = tell_memory(stepper, before=before, step=counters.num_steps + 1)
        happened += tell_compiling(stepper, step=counters.num_steps + 1)
        if result.skipped is not None:
            yield from happened
            yield from self._skipped(result)
            return
        counters.num_steps += 1
        counters.progress = progress
        counters.learning_rate = self.config.learning_rate * factor
        counters.epoch_loss += result.loss
        counters.epoch_accuracy += result.accuracy
        counters.epoch_steps += 1
        # With old text among the new, a batch of more new text than usual is no spike.
        if self.replay is None and is_spike(result.loss, counters):
            happened.append(tell_spike(result, counters=counters))
        count_good(result.loss, counters)
        yield from happened
        yield tell_step(
            result,
            batch,
            tokenizer=self.train.tokenizer,
            counters=counters,
            elapsed_s=self._elapsed_s,
        )

    def _skipped(self, result: StepResult) -> Iterator[TrainEvent]:
        """Tell that a batch was skipped, and go back if that happens too often."""
        counters = self.counters
        is_overflow = result.skipped == "overflow"
        if not is_overflow:
            count_skip(counters)
        yield StepSkipped(counters.num_steps, counters.epoch, counters.batch_index - 1, is_overflow)
        if not has_diverged(counters):
            return
        if self.load_last_good is None or counters.num_rollbacks == MOST_ROLLBACKS:
            raise diverged(counters)
        good, now = self.load_last_good(), self.state().counters
        good_counters = roll_back(good.counters, now=now)
        self.restore(Snapshot(good_counters, good.tensors))
        yield RolledBack(
            from_step=now.num_steps,
            step=self.num_steps,
            epoch=now.epoch,
            batch_index=now.batch_index - 1,
            lr_scale=self.counters.lr_scale,
        )

    def _progress_after_step(self) -> float:
        """Return the progress once the step in hand is done; it never falls."""
        counters = self.counters
        elapsed_s = self._elapsed_s + self._reserve_s
        position = Position(counters.num_steps + 1, self._passes(further=1), elapsed_s)
        return max(counters.progress, self.limits.progress(position))

    def _end_epoch(self) -> EpochDone:
        counters, elapsed_s = self.counters, self._elapsed_s
        num_steps = max(counters.epoch_steps, 1)
        done = EpochDone(
            epoch=counters.epoch,
            step=counters.num_steps,
            loss=counters.epoch_loss / num_steps,
            accuracy=counters.epoch_accuracy / num_steps,
            learning_rate=counters.learning_rate,
            seconds=elapsed_s - counters.epoch_elapsed_s,
            elapsed_s=elapsed_s,
        )
        counters.epoch += 1
        counters.batch_index = counters.epoch_steps = 0
        counters.epoch_loss = counters.epoch_accuracy = 0.0
        counters.epoch_elapsed_s = elapsed_s
        counters.is_epoch_over = False
        self._batches = self._shuffle_epoch()
        return done

    def _window_length(self) -> int:
        return window_length(
            self.counters.progress,
            first=self.config.start_seq_length,
            last=self.model.config.seq_length,
        )

    def _shuffle_epoch(self) -> EpochBatches:
        """Return the batches of the epoch; a step reads as much whatever the windows' length.

        Where windows grow within an epoch it goes on at the same share of the text, cut anew.
        """
        length = self._window_length()
        return EpochBatches(
            self.train,
            seq_length=length,
            batch_size=self.config.windows_per_step * self.model.config.seq_length // length,
            seed=self.config.seed,
            epoch=self.counters.epoch,
            replay=self.replay,
        )

    def _show_sample(self, sample: Sample) -> Sampled | SampleSkipped:
        started_s = self.clock()
        text = none_on_oom(partial(sample, self.model))
        self.model.train()
        taken_s = self.clock() - started_s
        self._next_sample_s = started_s + max(SAMPLE_EVERY_S, taken_s / SAMPLE_SHARE)
        return SampleSkipped(self.num_steps) if text is None else Sampled(self.num_steps, text)

    def _evaluate(self) -> Iterator[TrainEvent]:
        counters, started_s = self.counters, self.clock()
        size = self.stepper.micro_batch_size
        while (measured := none_on_oom(self._examine)) is None:
            self.stepper.halve_micro_batch()
        evaluation, kept, share = measured
        if self.stepper.micro_batch_size < size:
            yield BatchSplit(self.num_steps, self.stepper.micro_batch_size)
        counters.evaluated_step = self.num_steps
        counters.evaluation_s = self.clock() - started_s
        counters.evaluations_done = self.validator.marks_passed(counters)
        counters.share = share
        # Without validation text the latest model is the best known.
        best, nats = counters.best_nats, evaluation.nats_per_char
        is_better = evaluation.characters == 0 or nats < (math.inf if best is None else best)
        is_best = self.num_steps > 0 and is_better
        if is_best:
            counters.best_step, counters.num_worse = self.num_steps, 0
            counters.best_nats = nats if evaluation.characters else None
        elif self.num_steps > 0:
            counters.num_worse += 1
        told_s = self.clock()
        yield Evaluated(
            step=self.num_steps,
            nats_per_char=nats,
            bits_per_char=evaluation.bits_per_char,
            accuracy=evaluation.accuracy,
            is_best=is_best,
            seconds=counters.evaluation_s,
            kept_nats_per_char=kept,
            share=share,
        )
        if is_best:  # then whoever was told saved before it went on
            note_saving(self.clock() - told_s, counters=counters)
        counters.evaluations_done = self.validator.marks_passed(counters)
        # Without a best one, no measurement was a number yet.
        if counters.num_worse == OVERFITS_AFTER and best is not None:
            assert counters.best_step is not None
            yield Overfits(self.num_steps, counters.best_step, best, nats)

    def _examine(self) -> EvalResult:
        size = self.stepper.micro_batch_size
        if self.measures_less and self.counters.evaluated_step < 0:
            self.validator.measure_less(self.model, batch_size=size, clock=self.clock)
            self.counters.eval_chars = self.validator.max_chars
        return self.validator.examine(self.model, batch_size=size)
