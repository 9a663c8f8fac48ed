"""What a model says while it is trained, and when it is asked."""

import pytest
import torch

from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.training.events import (
    Sampled,
    SampleSkipped,
)
from tests.unit.core.training.running import World, make_trainer, run, steps_of


def test_samples_that_take_long_take_a_small_share_of_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, step_s=1.0, evaluation_s=0.0)

    def sample(_: Transformer) -> str:
        world.now_s += 30.0
        return "slow"

    events = run(make_trainer(seconds=1200.0, clock=world.clock, sample=sample))
    assert 2 <= sum(isinstance(event, Sampled) for event in events) <= 3


def test_samples_come_soon_after_the_start_and_then_every_20_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, step_s=1.0, evaluation_s=0.0)
    trainer = make_trainer(max_steps=50, clock=world.clock, sample=lambda model: "said")
    events = run(trainer)
    samples = [event for event in events if isinstance(event, Sampled)]
    assert [sample.step for sample in samples] == [2, 22, 42]
    assert {sample.text for sample in samples} == {"said"}


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
