"""When a run is measured, and which model is the best."""

import math
from itertools import pairwise
from typing import Any

import pytest

from lumina_cli.core.training.events import (
    Finished,
)
from lumina_cli.core.training.validation import validator as validation_module
from lumina_cli.core.training.validation.evaluate import Totals
from lumina_cli.core.training.validation.retention import RetentionLimit
from tests.unit.core.training.conftest import encoded, random_text, tiny_model
from tests.unit.core.training.running import World, evaluations_of, make_trainer, run


def test_the_untrained_model_is_never_the_best() -> None:
    events = run(make_trainer(max_steps=1, num_evals=1))
    assert [event.is_best for event in evaluations_of(events)] == [False, True]


def test_validation_is_measured_at_even_marks_and_once_at_the_end() -> None:
    events = run(make_trainer(max_steps=40, num_evals=4))
    assert [event.step for event in evaluations_of(events)] == [0, 10, 20, 30, 40]


def test_a_model_is_the_best_when_it_is_better_than_all_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    figures = iter([9.0, 3.0, 4.0, 2.0, math.nan, 2.0, 1.0])
    monkeypatch.setattr(
        validation_module, "measure", lambda *_, **__: Totals(100 * next(figures), 0, 100, 100)
    )
    events = run(make_trainer(max_steps=6, num_evals=6))
    best = [event.is_best for event in evaluations_of(events)]
    assert best == [False, True, False, True, False, False, True]


def test_without_validation_text_the_latest_model_is_the_best() -> None:
    events = run(make_trainer(max_steps=3, num_evals=3, validation=encoded([])))
    assert [event.is_best for event in evaluations_of(events)] == [False, True, True, True]
    assert all(math.isnan(event.nats_per_char) for event in evaluations_of(events))


@pytest.mark.parametrize(("evaluation_s", "most"), [(0.1, 20), (0.5, 10), (30.0, 1)])
def test_a_run_by_the_clock_measures_no_more_often_than_it_has_time_for(
    monkeypatch: pytest.MonkeyPatch, evaluation_s: float, most: int
) -> None:
    # A twentieth of 100 s is enough for 50, 10 and no evaluations, the untrained model's apart;
    # the last one is always made.
    world = World(monkeypatch, step_s=1.0, evaluation_s=evaluation_s)
    events = run(make_trainer(seconds=100.0, clock=world.clock, num_evals=20, patience=0))
    assert len(evaluations_of(events)) - 1 == most


@pytest.mark.parametrize(
    "evaluations_s", [[1.0] + [0.1] * 40, [0.1, 0.1, 0.1, 3.0] + [0.1] * 40, [0.1] * 9 + [9.0] * 9]
)
def test_marks_are_counted_by_the_duration_of_the_evaluation_that_was_just_made(
    monkeypatch: pytest.MonkeyPatch, evaluations_s: list[float]
) -> None:
    world = World(monkeypatch, step_s=1.0, evaluation_s=0.0)
    left, measured = iter(evaluations_s), validation_module.measure

    def measure(*args: Any, **kwargs: Any) -> Totals:
        world.now_s += next(left)
        return measured(*args, **kwargs)

    monkeypatch.setattr(validation_module, "measure", measure)
    events = run(make_trainer(seconds=100.0, clock=world.clock, num_evals=20, patience=0))
    steps = [event.step for event in evaluations_of(events)]
    assert len(set(steps)) == len(steps)
    if evaluations_s[-1] < 1:
        assert max(b - a for a, b in pairwise(steps)) <= 40


def test_there_is_time_left_to_pull_back_a_model_that_forgets_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = tiny_model()
    start = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    retention = RetentionLimit([random_text(50)], start, max_loss=1.0)
    world = World(monkeypatch, step_s=0.5, evaluation_s=1.0)
    figures = iter([0.5, 0.5, 2.0, 0.5])  # untrained; then too much, and so is all but the start
    timed = validation_module.measure

    def measure(*args: Any, **kwargs: Any) -> Totals:
        timed(*args, **kwargs)
        return Totals(100 * next(figures, 2.0), 50, 100, 100)

    monkeypatch.setattr(validation_module, "measure", measure)
    events = run(
        make_trainer(
            model=model, seconds=100.0, clock=world.clock, retention=retention, num_evals=1
        )
    )
    assert isinstance(events[-1], Finished)
    assert evaluations_of(events)[-1].seconds == 9.0  # six models were tried on the way back
    assert 90 < events[-1].elapsed_s <= 100
