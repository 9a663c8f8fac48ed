"""What a model says while it is trained, and when it is asked."""

import pytest
import torch

from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.training.events import (
    Sampled,
    SampleSkipped,
)
from tests.unit.core.training.conftest import tiny_model
from tests.unit.core.training.running import World, make_trainer, run, steps_of


def test_samples_that_take_long_take_a_small_share_of_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, step_s=1.0, evaluation_s=0.0)

    def sample(_: Transformer) -> list[str]:
        world.now_s += 30.0
        return ["slow"]

    events = run(make_trainer(seconds=1200.0, clock=world.clock, sample=sample))
    assert 2 <= sum(isinstance(event, Sampled) for event in events) <= 3


def test_samples_come_when_steps_have_doubled_and_every_20_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, step_s=1.0, evaluation_s=0.0)
    trainer = make_trainer(max_steps=50, clock=world.clock, sample=lambda model: ["said"])
    events = run(trainer)
    samples = [event for event in events if isinstance(event, Sampled)]
    assert [sample.step for sample in samples] == [0, 1, 2, 4, 8, 16, 22, 32, 42]
    assert {(sample.text, sample.prompt, sample.seed) for sample in samples} == {("said", None, 0)}


def test_a_sample_that_memory_is_short_of_is_skipped_and_the_run_goes_on() -> None:
    def sample(model: Transformer) -> list[str]:
        model.eval()
        raise torch.OutOfMemoryError

    seconds = iter(range(1_000))
    trainer = make_trainer(max_steps=8, sample=sample, clock=lambda: float(next(seconds)))
    events = run(trainer)
    assert any(isinstance(event, SampleSkipped) for event in events)
    assert len(steps_of(events)) == 8
    assert trainer.model.training


def test_samples_of_the_first_steps_take_two_seconds_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, step_s=0.01, evaluation_s=0.0)

    def sample(_: Transformer) -> list[str]:
        world.now_s += 1.5
        return ["noise"]

    events = run(make_trainer(max_steps=30, clock=world.clock, sample=sample))
    steps = [event.step for event in events if isinstance(event, Sampled)]
    assert steps == [0, 1, 2]  # the last by the clock; the next is 30 seconds away


def test_samples_of_the_first_steps_take_a_hundredth_of_a_long_run_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, step_s=1.0, evaluation_s=0.0)

    def sample(_: Transformer) -> list[str]:
        world.now_s += 1.0
        return ["noise"]

    events = run(make_trainer(max_steps=700, clock=world.clock, sample=sample))
    steps = [event.step for event in events if isinstance(event, Sampled)]
    assert {0, 1, 2, 4, 8, 16, 32, 64} <= set(steps)


def test_a_machine_that_stood_still_loses_no_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, step_s=0.01, evaluation_s=0.0)
    seconds = iter([150.0, *[0.01] * 100])

    def sample(_: Transformer) -> list[str]:
        world.now_s += next(seconds)
        return ["noise"]

    events = run(make_trainer(max_steps=20, clock=world.clock, sample=sample))
    steps = [event.step for event in events if isinstance(event, Sampled)]
    assert steps == [0, 1, 2, 4, 8, 16]


def test_a_step_that_was_skipped_is_sampled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make_trainer(max_steps=4, sample=lambda model: ["a"])
    first, second = (
        trainer.samples.show_if_due(trainer.model, step=4, progress=0.5) for _ in range(2)
    )
    assert [event.step for event in first] == [4]
    assert second == []


def test_samples_change_nothing_of_what_is_learnt() -> None:
    """A sample that draws as real ones do leaves weights and random state to the bit."""

    def sample(model: Transformer) -> list[str]:
        model.eval()
        with torch.inference_mode():
            model(torch.zeros(1, 4, dtype=torch.long))
        torch.rand(3, generator=torch.Generator().manual_seed(1))
        return ["said"]

    ends = []
    for each in (None, sample):
        trainer = make_trainer(model=tiny_model(dropout=0.5), max_steps=9, sample=each)
        losses = [step.loss for step in steps_of(run(trainer))]
        ends.append((losses, torch.get_rng_state().tolist()))
    assert ends[0] == ends[1]
