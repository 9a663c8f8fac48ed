"""The training loop: what it tells, when it ends, and that it learns."""

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch

from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.seeding import seed_dropout
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.events import (
    BatchSplit,
    EpochDone,
    Evaluated,
    Finished,
    Interrupted,
    Sampled,
    SampleSkipped,
    StepDone,
    TrainEvent,
)
from lumina_cli.core.training.loop import Trainer
from lumina_cli.core.training.step import compiled
from lumina_cli.core.training.step.stepper import Stepper, StepResult
from lumina_cli.core.training.validation import validator as validation_module
from lumina_cli.core.training.validation.evaluate import Totals
from lumina_cli.core.training.validation.retention import RetentionLimit
from lumina_cli.data.batches import Batch
from lumina_cli.data.corpus.dataset import TokenDataset
from tests.unit.core.training.conftest import FP32, encoded, random_text, tiny_model

TRAIN, VALIDATION = random_text(200), random_text(60, seed=1)


def make_trainer(
    *,
    model: Transformer | None = None,
    train: TokenDataset = TRAIN,
    validation: TokenDataset = VALIDATION,
    seconds: float | None = None,
    sample: Callable[[Transformer], str] | None = None,
    clock: Callable[[], float] | None = None,
    compiles: bool = False,
    measures_less: bool = False,
    retention: RetentionLimit | None = None,
    **changes: Any,
) -> Trainer:
    given = {"batch_size": 4, "learning_rate": 1e-2, "epochs": None, **changes}
    return Trainer(
        model if model is not None else tiny_model(),
        train=train,
        validation=validation,
        config=TrainingConfig(**given),
        precision=FP32,
        seconds=seconds,
        sample=sample,
        compiles=compiles,
        measures_less=measures_less,
        retention=retention,
        clock=clock or (lambda: 0.0),
    )


def run(trainer: Trainer) -> list[TrainEvent]:
    seed_dropout(0)
    return list(trainer.run())


def steps_of(events: list[TrainEvent]) -> list[StepDone]:
    return [event for event in events if isinstance(event, StepDone)]


def evaluations_of(events: list[TrainEvent]) -> list[Evaluated]:
    return [event for event in events if isinstance(event, Evaluated)]


class World:
    """A clock that moves only where work is done: steps, evaluations, and what else is said."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *, step_s: float, evaluation_s: float
    ) -> None:
        self.now_s = 1000.0
        real_step, real_measure = Stepper.step, validation_module.measure

        def step(stepper: Stepper, *args: Any, **kwargs: Any) -> StepResult:
            self.now_s += step_s
            return real_step(stepper, *args, **kwargs)

        def measure(*args: Any, **kwargs: Any) -> Totals:
            self.now_s += evaluation_s
            return real_measure(*args, **kwargs)

        monkeypatch.setattr(Stepper, "step", step)
        monkeypatch.setattr(validation_module, "measure", measure)

    def clock(self) -> float:
        return self.now_s


def test_a_run_tells_the_untrained_model_the_steps_and_the_end() -> None:
    events = run(make_trainer(max_steps=2, num_evals=1))
    assert [type(event) for event in events] == [Evaluated, StepDone, StepDone, Evaluated, Finished]
    assert [event.step for event in events] == [0, 1, 2, 2, 2]
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == "max_steps"


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


def test_without_validation_text_the_latest_model_is_the_best() -> None:
    events = run(make_trainer(max_steps=3, num_evals=3, validation=encoded([])))
    assert [event.is_best for event in evaluations_of(events)] == [False, True, True, True]
    assert all(math.isnan(event.nats_per_char) for event in evaluations_of(events))


@pytest.mark.parametrize("num_ids", [5, 33, 34, 60, 200])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_as_many_epochs_are_passed_as_were_asked_for(num_ids: int, seed: int) -> None:
    # 33 ids are 4 windows of 8, one batch; with an offset they are 5 windows, two batches.
    text = encoded(list(range(6, 18)) * 20)
    trainer = make_trainer(
        train=replace(text, codes=text.codes[:num_ids]), epochs=3, num_evals=1, seed=seed
    )
    events = run(trainer)
    done = [event for event in events if isinstance(event, EpochDone)]
    assert [event.epoch for event in done] == [0, 1, 2]
    assert done[-1].step == events[-1].step
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == "epochs"


def test_an_epoch_tells_the_means_of_its_steps() -> None:
    events = run(make_trainer(epochs=1))
    steps = steps_of(events)
    (done,) = (event for event in events if isinstance(event, EpochDone))
    assert done.loss == pytest.approx(sum(step.loss for step in steps) / len(steps))
    assert done.accuracy == pytest.approx(sum(step.accuracy for step in steps) / len(steps))


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
        (0.00001, 60_000),
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


def test_samples_that_take_long_take_a_small_share_of_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, step_s=1.0, evaluation_s=0.0)

    def sample(_: Transformer) -> str:
        world.now_s += 30.0
        return "slow"

    events = run(make_trainer(seconds=1200.0, clock=world.clock, sample=sample))
    assert 2 <= sum(isinstance(event, Sampled) for event in events) <= 3


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


def test_samples_come_soon_after_the_start_and_then_every_20_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, step_s=1.0, evaluation_s=0.0)
    trainer = make_trainer(max_steps=50, clock=world.clock, sample=lambda model: "said")
    events = run(trainer)
    samples = [event for event in events if isinstance(event, Sampled)]
    assert [sample.step for sample in samples] == [2, 22, 42]
    assert {sample.text for sample in samples} == {"said"}


def test_a_step_tells_how_much_it_read() -> None:
    steps = steps_of(run(make_trainer(epochs=1)))
    assert sum(step.num_chars for step in steps) == pytest.approx(200, abs=2)


def run_out_of_memory(
    monkeypatch: pytest.MonkeyPatch, model: Transformer, *, room: int, training: bool
) -> None:
    real = model.hidden

    def hidden(idx: torch.Tensor) -> torch.Tensor:
        if len(idx) > room and model.training == training:
            raise torch.OutOfMemoryError
        return real(idx)

    monkeypatch.setattr(model, "hidden", hidden)


def test_a_step_that_ran_out_of_memory_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()
    run_out_of_memory(monkeypatch, model, room=2, training=True)
    events = run(make_trainer(model=model, max_steps=3, num_evals=1))
    assert [event for event in events if isinstance(event, BatchSplit)] == [BatchSplit(1, 2)]


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


def test_windows_grow_and_a_step_reads_as_much_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[tuple[int, ...]] = []
    real_step = Stepper.step

    def step(stepper: Stepper, batch: Batch, *, lr_factor: float) -> StepResult:
        shapes.append(batch.inputs.shape)
        return real_step(stepper, batch, lr_factor=lr_factor)

    monkeypatch.setattr(Stepper, "step", step)
    text = random_text(3201)
    trainer = make_trainer(train=text, batch_size=4, max_steps=30, start_seq_length=2)
    events = run(trainer)
    assert len(steps_of(events)) == 30
    assert [shape[1] for shape in shapes] == [2] * 10 + [4] * 10 + [8] * 10
    assert {rows * length for rows, length in shapes} == {32}


def test_an_epoch_goes_on_where_it_was_when_windows_grow() -> None:
    events = run(make_trainer(train=random_text(321), epochs=3, start_seq_length=2))
    ends = [event.step for event in events if isinstance(event, EpochDone)]
    assert len(ends) == 3
    assert ends[-1] == pytest.approx(30, abs=3)  # 320 ids to learn, 32 at a step, three times


def test_short_windows_are_cut_in_pieces_of_as_much_text(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    model = tiny_model()
    real = model.hidden

    def hidden(idx: torch.Tensor) -> torch.Tensor:
        if model.training:
            sizes.append(idx.numel())
        return real(idx)

    monkeypatch.setattr(model, "hidden", hidden)
    run(make_trainer(model=model, max_steps=6, start_seq_length=2, micro_batch_size=1))
    assert max(sizes) == 8


def test_a_sample_that_memory_is_short_of_is_skipped_and_the_run_goes_on() -> None:
    def sample(model: Transformer) -> str:
        model.eval()
        raise torch.OutOfMemoryError

    seconds = iter(range(1_000))
    trainer = make_trainer(max_steps=8, sample=sample, clock=lambda: float(next(seconds)))
    events = run(trainer)
    assert any(isinstance(event, SampleSkipped) for event in events)
    assert len(steps_of(events)) == 8
    assert trainer.model.training
