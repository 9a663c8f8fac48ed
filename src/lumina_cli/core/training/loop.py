"""The training loop: a generator of typed events.

It draws nothing, saves nothing and knows no files. Between two events it stands still, so
that whoever iterates can save the model as it is, or stop iterating.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from lumina_cli.core.memory import is_out_of_memory, release_memory
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.precision import Precision
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.evaluate import Evaluation, evaluate
from lumina_cli.core.training.events import (
    BatchSplit,
    EpochDone,
    Evaluated,
    Finished,
    Sampled,
    StepDone,
    StopReason,
    TrainEvent,
)
from lumina_cli.core.training.optim import build_optimizers
from lumina_cli.core.training.schedule import Limits, Position, learning_rate_factor
from lumina_cli.core.training.step import Stepper
from lumina_cli.data.batches import EpochBatches, validation_batches
from lumina_cli.data.encoded import EncodedText

Sample = Callable[[Transformer], str]
Clock = Callable[[], float]

SAMPLE_EVERY_S = 20.0
FIRST_SAMPLE_S = 2.0


@dataclass
class EpochMeans:
    """Sums over the steps of an epoch so far."""

    loss: float = 0.0
    accuracy: float = 0.0
    num_steps: int = 0
    started_s: float = 0.0

    def add(self, *, loss: float, accuracy: float) -> None:
        self.loss += loss
        self.accuracy += accuracy
        self.num_steps += 1


class Trainer:
    """Trains a model on encoded text.

    Args:
        model: on its device.
        train: what is learnt from.
        validation: what is only measured; may be empty.
        config: how long and how fast.
        precision: in which the model computes.
        seconds: with `config.minutes`, what is left of them for the loop.
        sample: shows what the model says by now; called every 20 seconds.
        clock: seconds from anywhere, for tests to set.
    """

    def __init__(
        self,
        model: Transformer,
        *,
        train: EncodedText,
        validation: EncodedText,
        config: TrainingConfig,
        precision: Precision,
        seconds: float | None = None,
        sample: Sample | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self.model = model
        self.train = train
        self.validation = validation
        self.config = config
        self.precision = precision
        self.sample = sample
        self.clock = clock
        self.limits = Limits(epochs=config.epochs, max_steps=config.max_steps, seconds=seconds)
        self.stepper = Stepper(
            model,
            build_optimizers(model, config=config),
            precision=precision,
            grad_clip=config.grad_clip,
            label_smoothing=config.label_smoothing,
            micro_batch_size=config.batch_size,
        )
        self._told_micro_batch_size = config.batch_size
        self.num_steps = 0
        self.best_nats = float("inf")
        self._epoch = 0
        self._batch_index = 0
        self._batches = self._shuffle_epoch()
        self._epoch_means = EpochMeans()
        self._progress = 0.0
        self._step_s = 0.0
        self._evaluations_done = 0
        self._evaluated_step = -1
        self._stopped = False
        self._started_s = self._next_sample_s = 0.0

    def run(self) -> Iterator[TrainEvent]:
        """Train until a limit is reached, telling each thing that happens."""
        self.model.train()
        started_s = self.clock()
        self._started_s = self._epoch_means.started_s = started_s
        self._next_sample_s = started_s + FIRST_SAMPLE_S
        untrained = self._evaluate()
        yield untrained
        self._keep_time_for_the_end(untrained.seconds)
        while (reason := self._reason_to_stop()) is None:
            yield from self._step()
            if self._evaluation_due():
                yield self._evaluate()
            if self.sample is not None and self.clock() >= self._next_sample_s:
                self._next_sample_s = self.clock() + SAMPLE_EVERY_S
                yield Sampled(self.num_steps, self.sample(self.model))
        if self._evaluated_step != self.num_steps:
            yield self._evaluate()
        yield Finished(self.num_steps, reason, self._elapsed_s)

    def stop(self) -> None:
        """Let the run end after the step in hand."""
        self._stopped = True

    def _reason_to_stop(self) -> StopReason | None:
        """Return why the run is over, if it is; it has one step at least to show for itself."""
        if self.num_steps == 0:
            return None
        if self._stopped:
            return "interrupted"
        # Another step takes as long as the last one did: is there still time for it?
        elapsed_s = self._elapsed_s + self._step_s
        passes = self._epoch + self._batch_index / len(self._batches)
        return self.limits.reached(Position(self.num_steps, passes, elapsed_s))

    @property
    def _elapsed_s(self) -> float:
        return self.clock() - self._started_s

    def _keep_time_for_the_end(self, evaluation_s: float) -> None:
        """Stop early enough for the last evaluation and for saving."""
        if self.limits.seconds is not None:
            self.limits = replace(self.limits, seconds=self.limits.seconds - 2 * evaluation_s)

    def _step(self) -> Iterator[TrainEvent]:
        batches = self._batches
        batch = batches[self._batch_index]
        started_s = self.clock()
        progress = self._progress_after_step()
        lr_factor = learning_rate_factor(
            progress,
            warmup_ratio=self.config.warmup_ratio,
            min_lr_ratio=self.config.min_lr_ratio,
        )
        learning_rate = self.config.learning_rate * lr_factor
        result = self.stepper.step(batch, lr_factor=lr_factor)
        self.num_steps += 1
        self._step_s = self.clock() - started_s
        self._progress = progress
        if self.stepper.micro_batch_size < self._told_micro_batch_size:
            self._told_micro_batch_size = self.stepper.micro_batch_size
            yield BatchSplit(self.num_steps, self.stepper.micro_batch_size)
        self._epoch_means.add(loss=result.loss, accuracy=result.accuracy)
        yield StepDone(
            step=self.num_steps,
            epoch=self._epoch,
            loss=result.loss,
            accuracy=result.accuracy,
            grad_norm=result.grad_norm,
            learning_rate=learning_rate,
            num_chars=batch.num_ids,
            progress=progress,
            elapsed_s=self._elapsed_s,
        )
        self._batch_index += 1
        if self._batch_index == len(batches):
            yield self._end_epoch(learning_rate)

    def _progress_after_step(self) -> float:
        """Return the progress once the step in hand is done; it never falls."""
        passes = self._epoch + (self._batch_index + 1) / len(self._batches)
        position = Position(self.num_steps + 1, passes, self._elapsed_s + self._step_s)
        return max(self._progress, self.limits.progress(position))

    def _end_epoch(self, learning_rate: float) -> EpochDone:
        means, now_s = self._epoch_means, self.clock()
        done = EpochDone(
            epoch=self._epoch,
            step=self.num_steps,
            loss=means.loss / means.num_steps,
            accuracy=means.accuracy / means.num_steps,
            learning_rate=learning_rate,
            seconds=now_s - means.started_s,
            elapsed_s=now_s - self._started_s,
        )
        self._epoch += 1
        self._batch_index = 0
        self._batches = self._shuffle_epoch()
        self._epoch_means = EpochMeans(started_s=now_s)
        return done

    def _shuffle_epoch(self) -> EpochBatches:
        return EpochBatches(
            self.train,
            seq_length=self.model.config.seq_length,
            batch_size=self.config.batch_size,
            seed=self.config.seed,
            epoch=self._epoch,
        )

    def _evaluation_due(self) -> bool:
        """Whether progress has passed another of the marks that divide the run evenly."""
        return int(self._progress * self.config.evaluations) > self._evaluations_done

    def _evaluate(self) -> Evaluated:
        started_s = self.clock()
        while (evaluation := self._try_evaluation()) is None:
            release_memory()
            self.stepper.halve()
        self._evaluated_step = self.num_steps
        self._evaluations_done = int(self._progress * self.config.evaluations)
        # Without validation text the latest model is the best known.
        is_better = evaluation.nats_per_char < self.best_nats or evaluation.characters == 0
        is_best = self.num_steps > 0 and is_better
        if is_best and evaluation.characters:
            self.best_nats = evaluation.nats_per_char
        return Evaluated(
            step=self.num_steps,
            nats_per_char=evaluation.nats_per_char,
            bits_per_char=evaluation.bits_per_char,
            accuracy=evaluation.accuracy,
            is_best=is_best,
            seconds=self.clock() - started_s,
        )

    def _try_evaluation(self) -> Evaluation | None:
        """Return the quality on the validation text; None out of memory."""
        batches = validation_batches(
            self.validation,
            seq_length=self.model.config.seq_length,
            batch_size=self.stepper.micro_batch_size,
            max_chars=self.config.eval_chars,
        )
        try:
            return evaluate(self.model, batches, precision=self.precision)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return None
