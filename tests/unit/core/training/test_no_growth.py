"""A run takes no more memory the longer it goes on."""

import gc
import subprocess
import sys

import pytest
import torch

from lumina_cli.core.memory import memory_bytes
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.events import StepDone
from lumina_cli.core.training.loop import Trainer
from tests.unit.core.training.conftest import FP32, random_text, tiny_model


def num_live_tensors() -> int:
    gc.collect()
    return sum(isinstance(each, torch.Tensor) for each in gc.get_objects())


def growth(num_steps: int) -> tuple[int, int]:
    """Return how many live tensors and bytes a run gains after its first steps."""
    trainer = Trainer(
        tiny_model(dropout=0.1),
        train=random_text(400),
        validation=random_text(80, seed=1),
        config=TrainingConfig(batch_size=4, epochs=None, max_steps=num_steps, patience=0),
        precision=FP32,
    )
    settled = num_steps // 6
    before = after = (0, 0)
    for event in trainer.run():
        if isinstance(event, StepDone) and event.step in (settled, num_steps):
            before, after = after, (num_live_tensors(), memory_bytes(torch.device("cpu")))
    return after[0] - before[0], after[1] - before[1]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
@pytest.mark.parametrize("num_steps", [150, pytest.param(2_400, marks=pytest.mark.slow)])
def test_live_tensors_and_memory_stay_as_they_are(num_steps: int) -> None:
    # In a process of its own: what other tests left on the heap moves this one's memory.
    code = f"from {__name__} import growth; print(*growth({num_steps}))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True, text=True
    )
    tensors, num_bytes = map(int, done.stdout.split())
    assert tensors == 0
    assert num_bytes < 1_000_000
