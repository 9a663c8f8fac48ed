"""A run measures its model, whatever memory and time allow."""

from itertools import pairwise
from typing import Any

import pytest

from lumina_cli.core.training.events import (
    BatchSplit,
    Evaluated,
    Finished,
)
from lumina_cli.core.training.validation import validator as validation_module
from lumina_cli.core.training.validation.evaluate import Totals
from lumina_cli.core.training.validation.retention import RetentionLimit
from tests.unit.core.training.conftest import random_text, tiny_model
from tests.unit.core.training.running import (
    World,
    evaluations_of,
    make_trainer,
    run,
    run_out_of_memory,
)


def test_only_the_best_model_tells_how_long_saving_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = iter([9.0, 3.0, 4.0])
    monkeypatch.setattr(
        validation_module, "measure", lambda *_, **__: Totals(100 * next(figures), 0, 100, 100)
    )
    now_s = 0.0
    trainer = make_trainer(max_steps=2, num_evals=2, clock=lambda: now_s)
    saved_s = []
    for event in trainer.run():
        if isinstance(event, Evaluated):
            now_s += 5.0 if event.is_best else 1.0
        saved_s.append(trainer.state.save_s)
    assert saved_s[-1] == 5.0


def test_a_first_save_that_takes_long_brings_no_evaluation_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, steps = World(monkeypatch, step_s=1.0, evaluation_s=0.4), []
    trainer = make_trainer(seconds=400.0, clock=world.clock, num_evals=40, patience=0)
    for event in trainer.run():
        if isinstance(event, Evaluated):
            steps.append(event.step)
            world.now_s += 2.0 if len(steps) == 2 else 0.5 / len(steps)  # saves ever faster
    assert min(b - a for a, b in pairwise(steps[:-1])) > 2


class Reading(World):
    """A world in which measuring takes its time for each character."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, step_s: float, char_s: float) -> None:
        super().__init__(monkeypatch, step_s=step_s, evaluation_s=0.0)
        real = validation_module.measure
        self.num_chars: list[float] = []

        def measure(*args: Any, **kwargs: Any) -> Totals:
            totals = real(*args, **kwargs)
            self.now_s += char_s * totals.num_chars
            self.num_chars.append(totals.num_chars)
            return totals

        monkeypatch.setattr(validation_module, "measure", measure)


@pytest.mark.parametrize(
    ("char_s", "max_chars"),
    [
        (0.002, 1_500),  # what a twentieth of the time is enough for
        (0.0001, 10_000),  # the fewest that tell something
        (0.00004, 15_000),  # what a hundredth is enough for
        pytest.param(0.00001, 60_000, marks=pytest.mark.slow),
        (0.000001, 100_000),  # the usual number
    ],
)
def test_where_time_is_short_it_is_measured_by_less_text(
    monkeypatch: pytest.MonkeyPatch, char_s: float, max_chars: int
) -> None:
    world = Reading(monkeypatch, step_s=1.0, char_s=char_s)
    given: dict[str, Any] = {"validation": random_text(20_000, seed=1), "num_evals": 5}
    trainer = make_trainer(seconds=60.0, clock=world.clock, measures_less=True, **given)
    events = run(trainer)
    assert isinstance(events[-1], Finished)
    assert events[-1].elapsed_s <= 60
    assert trainer.validator.max_chars == pytest.approx(max_chars, abs=1)
    assert len(set(world.num_chars[2:])) == 1  # behind two pieces that were timed
    resumed = make_trainer(seconds=60.0, clock=world.clock, measures_less=True, **given)
    resumed.load_state_dict(trainer.state_dict())
    assert resumed.validator.max_chars == trainer.validator.max_chars


def test_what_others_have_measured_by_is_not_made_less(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Reading(monkeypatch, step_s=1.0, char_s=0.002)
    retention = RetentionLimit([random_text(50)])
    trainer = make_trainer(seconds=60.0, clock=world.clock, measures_less=True, retention=retention)
    run(trainer)
    assert trainer.validator.max_chars == trainer.config.eval_chars


def test_a_measurement_that_runs_out_of_memory_is_done_in_smaller_pieces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = evaluations_of(run(make_trainer(max_steps=2, num_evals=1, batch_size=2)))
    model = tiny_model()
    run_out_of_memory(monkeypatch, model, room=2, training=False)
    events = run(make_trainer(model=model, max_steps=2, num_evals=1, batch_size=7))
    assert evaluations_of(events)[0].nats_per_char == pytest.approx(expected[0].nats_per_char)
    assert [event for event in events if isinstance(event, BatchSplit)] == [BatchSplit(0, 2)]
    assert model.training
