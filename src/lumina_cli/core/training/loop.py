"""The training loop: a generator of typed events.

It draws nothing, saves nothing and knows no files. Between two events it stands still, so
that whoever iterates can take its `state()`, save the model as it is, or stop iterating.
What comes next is decided from the state alone, so a run that is restored at any event
goes on as if it had never stopped.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from lumina_cli.core.memory import retry_on_oom
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.precision import Precision
from lumina_cli.core.training import state as snapshots
from lumina_cli.core.training.clock import RunClock
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.divergence import (
    MAX_ROLLBACKS,
    count_good,
    count_skip,
    diverged,
    find_spike,
    has_diverged,
    has_unlearnt,
    roll_back,
    rolled_back,
)
from lumina_cli.core.training.epochs import Epochs
from lumina_cli.core.training.events import (
    Evaluated,
    Finished,
    Interrupted,
    Paced,
    StepDone,
    StepSkipped,
    StopReason,
    TrainEvent,
)
from lumina_cli.core.training.optim.optimizers import build_optimizers
from lumina_cli.core.training.parallel.rank import Clock, Rank, SingleProcess
from lumina_cli.core.training.samples import Sample, Samples
from lumina_cli.core.training.schedule.learning_rate import learning_rate_factor
from lumina_cli.core.training.schedule.limits import Limits, Position
from lumina_cli.core.training.schedule.time_budget import TimeBudget, reserve_s
from lumina_cli.core.training.state import Snapshot, TrainState
from lumina_cli.core.training.step.compiled import Compiled
from lumina_cli.core.training.step.stepper import Stepper, StepResult
from lumina_cli.core.training.validation.evaluations import Evaluations
from lumina_cli.core.training.validation.retention import RetentionLimit
from lumina_cli.core.training.validation.validator import Validator
from lumina_cli.data.batches import Batch, Replay
from lumina_cli.data.corpus.dataset import TokenDataset

LoadLastGood = Callable[[], Snapshot]

PACE_EVERY_S = 10.0


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
        sample: says what the model answers to each of `prompts` by now.
        prompts: of the samples, as they are told; None is nothing.
        load_last_good: returns the last good state, to go back to when training diverges.
        compiles: whether to compile the model; where that fails it is computed as it is.
        measures_less: whether to measure by less text where `seconds` are few for the model.
        clock: seconds from anywhere, for tests to set.
        rank: which one this is of those that train the model together.
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
        prompts: Sequence[str | None] = (None,),
        load_last_good: LoadLastGood | None = None,
        compiles: bool = False,
        measures_less: bool = False,
        clock: Clock = time.monotonic,
        rank: Rank | None = None,
    ) -> None:
        self.rank = rank = rank or SingleProcess()
        self.model = model
        self.config = config
        self.load_last_good = load_last_good
        self.clock = RunClock(clock, rank=rank)
        self.samples = Samples(
            sample,
            prompts=prompts,
            seed=config.seed,
            seconds=seconds,
            clock=self.clock,
            rank=rank,
        )
        self.limits = Limits(epochs=config.epochs, max_steps=config.max_steps, seconds=seconds)
        self.validator = Validator(
            validation,
            retention=retention or RetentionLimit(),
            config=config,
            precision=precision,
            seconds=seconds,
            rank=rank,
        )
        self.model.activation_checkpointing = config.activation_checkpointing
        self.stepper = Stepper(
            model,
            build_optimizers(model, config=config, rank=rank),
            precision=precision,
            grad_clip=config.grad_clip,
            label_smoothing=config.label_smoothing,
            micro_batch_size=config.largest_micro_batch,
            rank=rank,
        )
        if compiles:
            self.stepper.compiled = Compiled(model, by_layer=rank.world_size > 1)
        self.evaluations = Evaluations(
            self.validator, stepper=self.stepper, clock=self.clock, measures_less=measures_less
        )
        self.state = TrainState()
        self.epochs = Epochs(
            train,
            config=config,
            seq_length=model.config.seq_length,
            replay=replay,
            state=self.state,
        )
        self._stops = False
        self._next_pace_s = 0.0
        self._budget = TimeBudget()

    @property
    def num_steps(self) -> int:
        """How many optimizer steps are done."""
        return self.state.num_steps

    def run(self) -> Iterator[TrainEvent]:
        """Train until a limit is reached, telling each thing that happens.

        Raises:
            OutOfMemoryError: no smaller step was left to try.
            DivergedError: going back did not help.
        """
        self.model.train()
        self.clock.look()
        self.clock.resume(self.state.elapsed_s)
        self.samples.start()
        while True:
            while (reason := self._reason_to_stop()) is None:
                yield from self._go_on()
            if self.state.is_epoch_over:
                yield self.epochs.end(self.state, elapsed_s=self.clock.elapsed_s)
            if reason == "interrupted":
                yield Interrupted(self.num_steps)
            num_rollbacks = self.state.num_rollbacks
            if self.validator.is_last_due(self.state, reason):
                yield from self._evaluate(goes_back=reason != "interrupted")
            if self.state.num_rollbacks == num_rollbacks:
                break
        self.clock.look()
        yield Finished(self.num_steps, reason, self.clock.elapsed_s)

    def _go_on(self) -> Iterator[TrainEvent]:
        """Do what is due next: measure, or a step."""
        if self.state.is_epoch_over:
            yield self.epochs.end(self.state, elapsed_s=self.clock.elapsed_s)
        if self.validator.is_due(self.state):
            yield from self._evaluate()
            return
        yield from self.samples.show_if_due(
            self.model, step=self.num_steps, progress=self.state.progress
        )
        yield from self._step()

    def _evaluate(self, *, goes_back: bool = True) -> Iterator[TrainEvent]:
        """Measure the model; go back if nothing is left of what it learnt."""
        unlearnt = False
        for event in self.evaluations.evaluate(self.state):
            yield event
            if isinstance(event, Evaluated):
                unlearnt = has_unlearnt(event, self.state)
        if unlearnt and goes_back:
            yield from self._go_back()

    def last_batch(self) -> Batch:
        """Return the batch that was tried last."""
        return self.epochs.last_batch(self.state)

    def stop(self) -> None:
        """Let the run end after the step in hand, on all ranks."""
        self.rank.ask("stop")

    def state_dict(self) -> Snapshot:
        """Return all that the run needs to go on from here, the live tensors in it.

        It is whole on the first rank; all ranks call it.

        Raises:
            OutOfMemoryError: (torch's) on every rank, where it ran out on one.
        """
        self.state.elapsed_s = self.clock.elapsed_s
        base = self.validator.retention.base_weights
        return snapshots.state_dict(self.state, stepper=self.stepper, base=base)

    def load_state_dict(self, snapshot: Snapshot, *, has_other_limits: bool = False) -> None:
        """Go on from a snapshot.

        Args:
            snapshot: of a run of the same model, optimizer and data.
            has_other_limits: whether that run was to end elsewhere, so that what is done is
                another share of the whole now.

        Raises:
            ModelFileError: it is of another model or optimizer.
        """
        self.state = snapshots.load_state_dict(
            snapshot,
            stepper=self.stepper,
            base=self.validator.retention.base_weights,
            config=self.config,
        )
        if self.state.eval_chars:
            self.validator.max_chars = min(self.state.eval_chars, self.config.eval_chars)
        self.epochs.shuffle(self.state)
        self.clock.resume(self.state.elapsed_s)
        if has_other_limits:
            self.state.progress = self.limits.progress(self._position())
            self.state.evaluations_done = self.validator.marks_passed(self.state)
            self.epochs.shuffle(self.state)

    def _position(self, *, further: int = 0, ahead_s: float = 0.0) -> Position:
        """Return how far the run is, and will be so many steps and seconds on."""
        passes = self.epochs.passes(self.state, further=further)
        return Position(self.num_steps + further, passes, self.clock.elapsed_s + ahead_s)

    @property
    def _reserve_s(self) -> float:
        return reserve_s(self.state, slowdown=self.validator.max_slowdown(self.state))

    def _reason_to_stop(self) -> StopReason | None:
        """Return why the run is over, if it is; it has one step at least to show for itself."""
        self.clock.look()
        self._stops = self._stops or self.rank.take("stop")
        if self.num_steps == 0:
            return None
        if self._stops:
            return "interrupted"
        if self.config.patience and self.state.num_worse >= self.config.patience:
            return "patience"
        return self.limits.reached(self._position(ahead_s=self._reserve_s))

    def _step(self) -> Iterator[TrainEvent]:
        state, stepper, epochs = self.state, self.stepper, self.epochs
        epochs.grow_windows(state)
        batch = retry_on_oom(partial(epochs.batches.__getitem__, state.batch_index))
        started_s = self.clock.look()
        position = self._position(further=1, ahead_s=self._reserve_s)
        progress = max(state.progress, self.limits.progress(position))  # it never falls
        factor = state.lr_scale * learning_rate_factor(
            progress,
            warmup_ratio=self.config.warmup_ratio,
            min_lr_ratio=self.config.min_lr_ratio,
        )
        before = stepper.micro_batching
        result = stepper.step(batch, lr_factor=factor)
        self._budget.note_step(
            self.clock.look() - started_s,
            state=state,
            seq_length=epochs.batches.seq_length,
            is_compiled=stepper.compiled is not None,
        )
        state.num_attempts += 1
        state.batch_index += 1
        state.is_epoch_over = state.batch_index == len(epochs.batches)
        happened = stepper.events_since(before, step=state.num_steps + 1)
        if result.skipped is not None:
            yield from happened
            yield from self._skipped(result)
            return
        state.progress = progress
        state.learning_rate = self.config.learning_rate * factor
        yield from [*happened, *self._count(result)]
        yield StepDone(
            step=state.num_steps,
            epoch=state.epoch,
            loss=result.loss,
            accuracy=result.accuracy,
            grad_norm=result.grad_norm,
            learning_rate=state.learning_rate,
            num_chars=round(batch.num_ids * epochs.train.tokenizer.chars_per_id),
            progress=state.progress,
            elapsed_s=self.clock.elapsed_s,
        )
        yield from self._tell_pace()

    def _tell_pace(self) -> list[TrainEvent]:
        """Return how the ranks keep up with each other, from time to time, where there are more."""
        pace = self.rank.pace
        if pace is None or self.clock.now_s < self._next_pace_s:
            return []
        self._next_pace_s = self.clock.now_s + PACE_EVERY_S
        return [Paced(self.num_steps, *pace)]

    def _count(self, result: StepResult) -> list[TrainEvent]:
        """Count a step that was done; return that its loss is far above the usual, if so."""
        state = self.state
        state.num_steps += 1
        state.epoch_loss += result.loss
        state.epoch_accuracy += result.accuracy
        state.epoch_steps += 1
        # With old text among the new, a batch of more new text than usual is no spike.
        spike = find_spike(result.loss, state) if self.epochs.replay is None else None
        count_good(result.loss, state)
        return [] if spike is None else [spike]

    def _skipped(self, result: StepResult) -> Iterator[TrainEvent]:
        """Tell that a batch was skipped, and go back if that happens too often."""
        state = self.state
        is_overflow = result.skipped == "overflow"
        if not is_overflow:
            count_skip(state)
        yield StepSkipped(state.num_steps, state.epoch, state.batch_index - 1, is_overflow)
        if has_diverged(state):
            yield from self._go_back()

    def _go_back(self) -> Iterator[TrainEvent]:
        """Go back to the last good state, for a lower learning rate."""
        state = self.state
        if self.load_last_good is None or state.num_rollbacks == MAX_ROLLBACKS:
            raise diverged(state)
        state.elapsed_s = self.clock.elapsed_s
        good, now = self.load_last_good(), snapshots.counted(state, stepper=self.stepper)
        self.load_state_dict(replace(good, train_state=roll_back(good.train_state, now=now)))
        yield rolled_back(now, to=self.state)
