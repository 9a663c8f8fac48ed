"""The training loop: what it tells, when it ends, and that it learns."""

import itertools
import math
from itertools import pairwise
from typing import Any

import pytest

from lumina_cli.core.training.events import (
    BatchSplit,
    Evaluated,
    Finished,
    Interrupted,
    StepDone,
)
from lumina_cli.core.training.step import compiled
from lumina_cli.core.training.step.stepper import Stepper, StepResult
from lumina_cli.data.batches import Batch
from tests.unit.core.training.conftest import encoded, tiny_model
from tests.unit.core.training.running import (
    World,
    evaluations_of,
    make_trainer,
    run,
    run_out_of_memory,
    steps_of,
)


def test_a_run_tells_the_untrained_model_the_steps_and_the_end() -> None:
    events = run(make_trainer(max_steps=2, num_evals=1))
    assert [type(event) for event in events] == [Evaluated, StepDone, StepDone, Evaluated, Finished]
    assert [event.step for event in events] == [0, 1, 2, 2, 2]
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == "max_steps"


def test_the_first_limit_ends_the_run() -> None:
    events = run(make_trainer(epochs=50, max_steps=3))
    assert len(steps_of(events)) == 3


@pytest.mark.parametrize(
    "limits", [{"max_steps": 30}, {"epochs": 4}, {"max_steps": 30, "epochs": 4}]
)
def test_progress_rises_to_one_and_the_learning_rate_to_its_peak_and_down_to_the_floor(
    limits: dict[str, int],
) -> None:
    steps = steps_of(run(make_trainer(**limits, warmup_ratio=0.3, min_lr_ratio=0.1)))
    progress = [step.progress for step in steps]
    rates = [step.learning_rate for step in steps]
    peak = rates.index(max(rates))
    assert progress == sorted(progress)
    assert progress[-1] == 1.0
    assert 0 < rates[0] <= 1e-2
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert rates[-1] == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("step_s", "evaluation_s"), [(1.0, 0.0), (1.0, 3.0), (7.0, 0.5), (0.3, 2.0)]
)
def test_a_run_by_the_clock_is_over_in_time_its_last_measurement_included(
    monkeypatch: pytest.MonkeyPatch, step_s: float, evaluation_s: float
) -> None:
    world = World(monkeypatch, step_s=step_s, evaluation_s=evaluation_s)
    events = run(make_trainer(seconds=60.0, clock=world.clock, num_evals=5, warmup_ratio=0.2))
    steps = steps_of(events)
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == "minutes"
    assert 60 - 2 * step_s - 3 * evaluation_s <= events[-1].elapsed_s <= 60
    assert [step.progress for step in steps] == sorted(step.progress for step in steps)
    rates = [step.learning_rate for step in steps]
    peak = rates.index(max(rates))
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert rates[-1] < 0.2 * 1e-2


@pytest.mark.parametrize("slow_step", [2, 10])
def test_one_slow_step_foretells_nothing(monkeypatch: pytest.MonkeyPatch, slow_step: int) -> None:
    world = World(monkeypatch, step_s=0.5, evaluation_s=0.0)
    real_step, count = Stepper.step, itertools.count(1)

    def step(*args: Any, **kwargs: Any) -> StepResult:
        if next(count) == slow_step:
            world.now_s += 35.0  # the machine had something else to do
        return real_step(*args, **kwargs)

    monkeypatch.setattr(Stepper, "step", step)
    steps = steps_of(run(make_trainer(seconds=60.0, clock=world.clock)))
    assert len(steps) == (60 - 35) / 0.5 - 1  # another would not end before the limit
    for done, following in pairwise(steps):
        assert following.progress == pytest.approx((done.elapsed_s + 0.5) / 60)


def test_compiling_foretells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, step_s=0.5, evaluation_s=0.0)
    real_step, lengths = Stepper.step, set()

    def step(stepper: Stepper, batch: Batch, **kwargs: Any) -> StepResult:
        if batch.inputs.shape[1] not in lengths:
            world.now_s += 25.0  # as long as compiling takes
            lengths.add(batch.inputs.shape[1])
        return real_step(stepper, batch, **kwargs)

    monkeypatch.setattr(Stepper, "step", step)
    monkeypatch.setattr(compiled.torch, "compile", lambda function: function)
    trainer = make_trainer(seconds=60.0, clock=world.clock, compiles=True, start_seq_length=4)
    steps = steps_of(run(trainer))
    assert len(lengths) == 2
    assert len(steps) == (60 - 2 * 25) / 0.5 - 1
    assert steps[1].progress == pytest.approx(26 / 60, abs=0.01)


def test_time_is_kept_for_saving_as_long_as_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, step_s=1.0, evaluation_s=0.1)
    trainer = make_trainer(seconds=100.0, clock=world.clock, num_evals=20, patience=0)
    events = []
    for event in trainer.run():
        events.append(event)
        if isinstance(event, Evaluated):
            world.now_s += 3.0
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert 95 < finished.elapsed_s <= 100  # the last model is saved by then
    assert len(evaluations_of(events)) <= 4  # a twentieth of the time for all of it


def test_a_run_that_is_made_longer_learns_and_is_measured_on_the_way() -> None:
    first = make_trainer(max_steps=10, num_evals=5, patience=0)
    run(first)
    longer = make_trainer(max_steps=40, num_evals=5, patience=0)
    longer.load_state_dict(first.state_dict(), has_other_limits=True)
    events = run(longer)
    steps = steps_of(events)
    assert [step.progress for step in steps] == [step.step / 40 for step in steps]
    assert steps[0].learning_rate > 5 * steps[-1].learning_rate
    assert [event.step for event in evaluations_of(events)] == [16, 24, 32, 40]


@pytest.mark.parametrize("seconds", [0.0, -3.0, 1.0])
def test_a_run_without_time_still_does_one_step_and_measures_it(
    monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    world = World(monkeypatch, step_s=5.0, evaluation_s=2.0)
    events = run(make_trainer(seconds=seconds, clock=world.clock))
    assert [type(event) for event in events] == [Evaluated, StepDone, Evaluated, Finished]
    assert evaluations_of(events)[-1].is_best


def test_stop_ends_the_run_after_the_step_in_hand_with_a_last_measurement() -> None:
    trainer = make_trainer(max_steps=100, num_evals=1)
    events = []
    for event in trainer.run():
        events.append(event)
        if isinstance(event, StepDone) and event.step == 3:
            trainer.stop()
    assert [type(event) for event in events[-2:]] == [Evaluated, Finished]
    assert events[-1] == Finished(step=3, reason="interrupted", elapsed_s=0.0)


def test_stop_before_the_first_step_leaves_a_model_worth_keeping() -> None:
    trainer = make_trainer(max_steps=100, num_evals=1)
    trainer.stop()
    events = run(trainer)
    kinds = [type(event) for event in events]
    assert kinds == [Evaluated, StepDone, Interrupted, Evaluated, Finished]


def test_a_run_is_the_same_for_a_seed_and_another_for_another() -> None:
    def losses(seed: int) -> list[float]:
        trainer = make_trainer(model=tiny_model(dropout=0.3), max_steps=12, seed=seed)
        return [step.loss for step in steps_of(run(trainer))]

    assert losses(0) == losses(0)
    assert losses(0) != losses(1)


def test_a_tiny_text_is_learnt_by_heart() -> None:
    text = encoded([*range(6, 20)] * 2)
    trainer = make_trainer(
        train=text, validation=text, max_steps=150, learning_rate=2e-2, label_smoothing=0.0
    )
    events = run(trainer)
    assert steps_of(events)[-1].loss < 0.1
    assert steps_of(events)[0].loss == pytest.approx(math.log(20), rel=0.05)
    assert evaluations_of(events)[-1].accuracy > 0.9


def test_a_step_tells_how_much_it_read() -> None:
    steps = steps_of(run(make_trainer(epochs=1)))
    assert sum(step.num_chars for step in steps) == pytest.approx(200, abs=2)


def test_a_step_that_ran_out_of_memory_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()
    run_out_of_memory(monkeypatch, model, room=2, training=True)
    events = run(make_trainer(model=model, max_steps=3, num_evals=1))
    assert [event for event in events if isinstance(event, BatchSplit)] == [BatchSplit(1, 2)]
