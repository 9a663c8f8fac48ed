"""Training on a GPU: number formats, memory that runs out for real, and the way back to the bit."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import build_model
from lumina_cli.core.precision import PrecisionName, choose_precision
from lumina_cli.core.seeding import seed_dropout
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.events import (
    BatchSplit,
    CompileFailed,
    Finished,
    StepDone,
    TrainEvent,
)
from lumina_cli.core.training.loop import Trainer
from lumina_cli.core.training.state import Snapshot
from tests.unit.core.training.conftest import V, random_text

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]
CUDA = torch.device("cuda")
SETTINGS: dict[str, Any] = {"batch_size": 8, "epochs": None, "max_steps": 20, "patience": 0}


def make_trainer(
    *,
    precision: PrecisionName = "fp32",
    hidden_size: int = 32,
    seq_length: int = 16,
    compiles: bool = False,
    **changes: Any,
) -> Trainer:
    config = ModelConfig(
        hidden_size=hidden_size, num_layers=2, num_heads=2, seq_length=seq_length, dropout=0.1
    )
    model = build_model(config, vocab_size=V, generator=torch.Generator().manual_seed(0))
    seed_dropout(0)
    return Trainer(
        model.to(CUDA),
        train=random_text(20_000),
        validation=random_text(500, seed=1),
        config=TrainingConfig.model_validate({**SETTINGS, **changes}),
        precision=choose_precision(precision, device=CUDA),
        compiles=compiles,
        clock=lambda: 0.0,
    )


def losses(events: list[TrainEvent]) -> list[float]:
    return [event.loss for event in events if isinstance(event, StepDone)]


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_formats_learn_as_fp32_does_but_for_rounding(precision: PrecisionName) -> None:
    full = losses(list(make_trainer().run()))
    half = losses(list(make_trainer(precision=precision).run()))
    assert half == pytest.approx(full, rel=0.02)


@pytest.fixture
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True, warn_only=True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_run_goes_on_to_the_bit(optimizer: str) -> None:
    trainer = make_trainer(optimizer=optimizer)
    states: list[Snapshot] = []
    for event in trainer.run():
        if isinstance(event, StepDone) and event.step == 9:
            states.append(trainer.state_dict().clone())
    again = make_trainer(optimizer=optimizer)
    again.load_state_dict(states[0])
    list(again.run())
    end, expected = again.state_dict().tensors, trainer.state_dict().tensors
    assert all(torch.equal(tensor, end[name]) for name, tensor in expected.items())


@pytest.fixture
def little_memory() -> Iterator[None]:
    """Allow this process about 600 MB of the GPU's memory."""
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(CUDA).total_memory
    torch.cuda.set_per_process_memory_fraction(600e6 / total, CUDA)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0, CUDA)
    torch.cuda.empty_cache()


@pytest.mark.usefixtures("little_memory")
def test_a_step_that_runs_out_of_memory_for_real_is_redone_in_micro_batches() -> None:
    large = {"hidden_size": 256, "seq_length": 512, "batch_size": 64, "max_steps": 3}
    events = list(make_trainer(**large).run())
    assert [event for event in events if isinstance(event, BatchSplit)]
    assert isinstance(events[-1], Finished)
    assert len(losses(events)) == 3


@pytest.mark.slow
def test_a_compiled_model_learns_the_same() -> None:
    events = list(make_trainer(compiles=True).run())
    assert not [event for event in events if isinstance(event, CompileFailed)]
    assert losses(events) == pytest.approx(losses(list(make_trainer().run())), rel=0.02)
