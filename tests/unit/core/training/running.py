"""Runs of a tiny model on a tiny text."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.seeding import seed_dropout
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.events import (
    Evaluated,
    StepDone,
    TrainEvent,
)
from lumina_cli.core.training.loop import Trainer
from lumina_cli.core.training.step.stepper import Stepper, StepResult
from lumina_cli.core.training.validation import validator as validation_module
from lumina_cli.core.training.validation.evaluate import Totals
from lumina_cli.core.training.validation.retention import RetentionLimit
from lumina_cli.data.corpus.dataset import TokenDataset
from tests.unit.core.training.conftest import FP32, random_text, tiny_model

TRAIN, VALIDATION = random_text(200), random_text(60, seed=1)


def make_trainer(
    *,
    model: Transformer | None = None,
    train: TokenDataset = TRAIN,
    validation: TokenDataset = VALIDATION,
    seconds: float | None = None,
    sample: Callable[[Transformer], list[str]] | None = None,
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


def run_out_of_memory(
    monkeypatch: pytest.MonkeyPatch, model: Transformer, *, room: int, training: bool
) -> None:
    real = model.hidden

    def hidden(idx: torch.Tensor) -> torch.Tensor:
        if len(idx) > room and model.training == training:
            raise torch.OutOfMemoryError
        return real(idx)

    monkeypatch.setattr(model, "hidden", hidden)
