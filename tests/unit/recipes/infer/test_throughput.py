"""How long a model would take for one pass over data."""

from pathlib import Path
from typing import Any

import pytest

from lumina_cli.core.model.transformer import Transformer
from lumina_cli.recipes.infer import throughput as module
from lumina_cli.recipes.infer.throughput import EpochTime, estimate_epoch_time
from lumina_cli.settings import TRAIN_CONFIGS, resolve_settings
from tests.unit.recipes.tiny import VERSE, written


def test_a_pass_takes_the_time_of_its_steps() -> None:
    assert EpochTime(steps=40, step_s=0.25).seconds == 10.0


def test_steps_are_those_of_the_models_own_windows(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt: list[bool] = []

    def step_s(model: Transformer, *_: object, **__: object) -> float:
        learnt.append(model.training)
        return 0.5

    monkeypatch.setattr(module, "measure_step_s", step_s)
    settings = resolve_settings(
        TRAIN_CONFIGS, flags={"batch_size": 4, "grad_accum": 2, "seq_length": 999}, environ={}
    )
    before = trained.read_bytes()
    found = estimate_epoch_time(trained, data=[written(tmp_path, VERSE)], settings=settings)
    # 900 of 1,000 characters: 56 windows of the model's 16 and one that is padded, 8 a step.
    assert (found.steps, found.seconds) == (8, 4.0)
    assert learnt == [True]
    assert trained.read_bytes() == before


def test_a_step_is_tried_for_real(trained: Path, tmp_path: Path) -> None:
    flags: dict[str, Any] = {"batch_size": 4}
    settings = resolve_settings(TRAIN_CONFIGS, flags=flags, environ={})
    found = estimate_epoch_time(trained, data=[written(tmp_path, VERSE)], settings=settings)
    assert found.step_s > 0
