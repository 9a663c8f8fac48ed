"""The evaluations of a run: measured, counted, told."""

from collections.abc import Iterator

from lumina_cli.core.memory import none_on_oom
from lumina_cli.core.training.clock import RunClock
from lumina_cli.core.training.events import BatchSplit, TrainEvent
from lumina_cli.core.training.schedule.time_budget import note_saving
from lumina_cli.core.training.state import TrainState
from lumina_cli.core.training.step.stepper import Stepper
from lumina_cli.core.training.validation.validator import (
    EvalResult,
    Validator,
    note_evaluation,
    note_overfitting,
)


class Evaluations:
    """Measures the model of a run, in smaller micro-batches once memory has run out.

    Args:
        validator: knows when, and on what.
        stepper: has the model, and knows how many windows go into memory.
        clock: of the run.
        measures_less: whether to measure by less text where there is little time for the model.
    """

    def __init__(
        self, validator: Validator, *, stepper: Stepper, clock: RunClock, measures_less: bool
    ) -> None:
        self._validator = validator
        self._stepper = stepper
        self._clock = clock
        self._measures_less = measures_less

    def evaluate(self, state: TrainState) -> Iterator[TrainEvent]:
        """Measure the model, keep the figures in the state, and tell them."""
        started_s = self._clock.look_anew()
        size = self._stepper.micro_batch_size
        while (result := none_on_oom(lambda: self._validate(state))) is None:
            self._stepper.halve_micro_batch()
        if self._stepper.micro_batch_size < size:
            yield BatchSplit(state.num_steps, self._stepper.micro_batch_size)
        measured_s = self._clock.look()
        evaluated = note_evaluation(result, state=state, seconds=measured_s - started_s)
        state.evaluations_done = self._validator.marks_passed(state)
        yield evaluated
        if evaluated.is_best:  # then whoever was told saved before it went on
            note_saving(self._clock.look_anew() - measured_s, state=state)
        state.evaluations_done = self._validator.marks_passed(state)
        yield from note_overfitting(evaluated, state=state)

    def _validate(self, state: TrainState) -> EvalResult:
        model, size = self._stepper.model, self._stepper.micro_batch_size
        is_first = state.evaluated_step < 0 and not state.eval_chars
        if (
            self._measures_less
            and is_first
            and self._validator.limit_chars(model, batch_size=size, clock=self._clock.look)
        ):
            state.eval_chars = self._validator.max_chars
        return self._validator.validate(model, batch_size=size)
