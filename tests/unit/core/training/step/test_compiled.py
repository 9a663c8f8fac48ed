"""The model compiled, for real where a compiler is there, and as it is where that fails."""

import itertools
import os
import shutil
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from torch import Tensor

from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.events import CompileFailed, StepDone, TrainEvent
from lumina_cli.core.training.loop import Trainer
from lumina_cli.core.training.step import compiled
from tests.unit.core.training.conftest import FP32, random_text, tiny_model

PositionsName = Literal["sinusoidal", "rotary"]


def events_of(
    *, compiles: bool, position_encoding: PositionsName = "sinusoidal"
) -> list[TrainEvent]:
    trainer = Trainer(
        tiny_model(position_encoding=position_encoding),
        train=random_text(300),
        validation=random_text(60, seed=1),
        config=TrainingConfig(batch_size=4, epochs=None, max_steps=12, learning_rate=1e-2),
        precision=FP32,
        compiles=compiles,
        clock=lambda: 0.0,
    )
    return list(trainer.run())


def losses(events: list[TrainEvent]) -> list[float]:
    return [event.loss for event in events if isinstance(event, StepDone)]


def assert_learns_uncompiled_from(failed: CompileFailed) -> None:
    events = events_of(compiles=True)
    assert [event for event in events if isinstance(event, CompileFailed)] == [failed]
    assert losses(events) == losses(events_of(compiles=False))


def test_a_compiler_that_fails_costs_a_line_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            raise RuntimeError("no compiler here\nand much more")

        return call

    monkeypatch.setattr(compiled.torch, "compile", broken)
    assert_learns_uncompiled_from(CompileFailed(1, "no compiler here"))


class _FailsBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        raise RuntimeError("no kernel for that")


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_a_compiler_that_fails_later_on_costs_no_more(
    monkeypatch: pytest.MonkeyPatch, direction: str
) -> None:
    def fails_at_third(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        count = itertools.count(1)

        def call(inputs: Tensor) -> Tensor:
            if next(count) < 3:
                return function(inputs)
            if direction == "forward":
                raise RuntimeError("no kernel for that")
            hidden: Tensor = _FailsBackward.apply(function(inputs))  # type: ignore[no-untyped-call]
            return hidden

        return call

    monkeypatch.setattr(compiled.torch, "compile", fails_at_third)
    assert_learns_uncompiled_from(CompileFailed(3, "no kernel for that"))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler")
@pytest.mark.filterwarnings("error:.*complex operators.*")  # they would not be compiled
@pytest.mark.parametrize("position_encoding", ["sinusoidal", "rotary"])
def test_a_compiled_model_learns_the_same(position_encoding: PositionsName) -> None:
    events = events_of(compiles=True, position_encoding=position_encoding)
    assert not [event for event in events if isinstance(event, CompileFailed)]
    plain = events_of(compiles=False, position_encoding=position_encoding)
    torch.testing.assert_close(losses(events), losses(plain))


VARIABLES = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")


def places(monkeypatch: pytest.MonkeyPatch, **given: str) -> dict[str, str]:
    """Return where compiled code is kept."""
    for variable in VARIABLES:
        monkeypatch.setenv(variable, given.get(variable, ""))
    compiled.keep_code_private()
    return {variable: os.environ[variable] for variable in VARIABLES}


def test_compiled_code_is_kept_where_nobody_else_can_put_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUMINA_CACHE_DIR", str(tmp_path / "cache"))
    for place in places(monkeypatch).values():
        folder = Path(place).parent
        assert folder.parent == tmp_path / "cache"
        assert os.name == "nt" or stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_place_for_compiled_code_that_the_user_names_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert places(monkeypatch, TRITON_CACHE_DIR="mine")["TRITON_CACHE_DIR"] == "mine"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
def test_where_others_may_write_to_the_cache_compiled_code_is_kept_in_a_new_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUMINA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    (tmp_path / "lumina-compiled").mkdir()
    (tmp_path / "lumina-compiled").chmod(0o777)
    for place in places(monkeypatch).values():
        assert Path(place).parent.parent == tmp_path / "temporary"
        assert stat.S_IMODE(Path(place).parent.stat().st_mode) == 0o700


@pytest.mark.slow
def test_for_other_ranks_layers_are_compiled_one_by_one_and_only_in_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    by_layer = partial(compiled.Compiled, by_layer=True)
    monkeypatch.setattr("lumina_cli.core.training.loop.Compiled", by_layer)
    events = events_of(compiles=True)
    assert not [event for event in events if isinstance(event, CompileFailed)]
    assert losses(events) == pytest.approx(losses(events_of(compiles=False)), abs=1e-4)
    model = tiny_model()
    compile_ = by_layer(model)
    compile_(torch.zeros(1, 8, dtype=torch.int64))
    assert all(layer._compiled_call_impl is None for layer in model.h)
