"""A step is a transaction: whichever operation memory runs out in, the step is done once."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from lumina_cli.core import memory
from lumina_cli.core.training.step import gradients as gradients_module
from lumina_cli.core.training.step import stepper as step_module
from lumina_cli.core.training.step.stepper import Stepper
from lumina_cli.data.batches import cut_windows
from lumina_cli.errors import OutOfMemoryError
from tests.unit.core.training.conftest import make_stepper, random_text, tiny_model

BATCH = cut_windows(random_text(60), np.arange(0, 56, 8), seq_length=8)  # 7 windows
NUM_STEPS = 3


IN_PLACE = (torch.ops.aten._fused_adamw_.default, torch.ops.aten.mul_.Tensor)
"""One kernel each, that takes no memory: it begins, then it is done to the end."""


class Exhausted(TorchDispatchMode):
    """Counts the operations that reach the dispatcher, and fails one of them.

    It fails before it has done anything, or `after` it has done what it does in place.
    """

    def __init__(self, *, fail_at: int | None = None, times: int = 1, after: bool = False) -> None:
        super().__init__()
        self.count = 0
        self.fail_at = fail_at
        self.times = times
        self.after = after

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        fails = self.fail_at is not None and 0 <= self.count - self.fail_at < self.times
        if fails and not self.after:
            raise torch.OutOfMemoryError("CUDA out of memory")
        result = func(*args, **(kwargs or {}))
        if fails and func not in IN_PLACE:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return result


def prepared(*, optimizer: str, micro_batch_size: int = 7) -> Stepper:
    """A stepper after one step, so that no state is zero."""
    torch.manual_seed(3)
    stepper = make_stepper(
        tiny_model(dropout=0.3),
        micro_batch_size=micro_batch_size,
        optimizer=optimizer,
        learning_rate=0.05,
        grad_clip=0.5,
    )
    stepper.step(BATCH, lr_factor=1.0)
    return stepper


def end_of(stepper: Stepper, mode: Exhausted | None = None) -> list[Tensor]:
    """Do a step under `mode` and one without; return weights, state and random state."""
    if mode is not None:
        with mode:
            stepper.step(BATCH, lr_factor=0.9)
    else:
        stepper.step(BATCH, lr_factor=0.9)
    stepper.step(BATCH, lr_factor=0.8)
    state = [*stepper.optimizers.state_dict().values(), torch.get_rng_state()]
    return [p.detach().clone() for p in stepper.model.parameters()] + [t.clone() for t in state]


def num_operations(optimizer: str) -> int:
    mode = Exhausted()
    end_of(prepared(optimizer=optimizer), mode)
    return mode.count


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.fixture(autouse=True)
def _no_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Collecting garbage takes longer than such a tiny step."""
    monkeypatch.setattr(memory, "release_memory", lambda: None)


@pytest.mark.parametrize(
    ("optimizer", "after", "stride"),
    [
        ("adamw", True, 7),
        ("muon", False, 7),
        pytest.param("adamw", False, 1, marks=pytest.mark.slow),
        pytest.param("adamw", True, 1, marks=pytest.mark.slow),
        pytest.param("muon", False, 1, marks=pytest.mark.slow),
        pytest.param("muon", True, 1, marks=pytest.mark.slow),
    ],
)
def test_memory_may_run_out_in_any_operation_of_a_step(
    optimizer: str, after: bool, stride: int
) -> None:
    whole = end_of(prepared(optimizer=optimizer))
    halved = prepared(optimizer=optimizer)
    halved.micro_batch_size = 4
    split = end_of(halved)
    total = num_operations(optimizer)
    assert total > 150
    in_gradients = in_optimizer = 0
    for fail_at in range(1, total + 1, stride):
        stepper = prepared(optimizer=optimizer)
        end = end_of(stepper, Exhausted(fail_at=fail_at, after=after))
        if stepper.micro_batch_size == 4:
            in_gradients += 1
            assert same(end, split), fail_at
        else:
            in_optimizer += 1
            assert same(end, whole), fail_at
        assert stepper.optimizers.num_steps == NUM_STEPS
    assert in_gradients > 100 // stride
    assert in_optimizer > 10 // stride


def test_activations_are_computed_twice_when_one_window_is_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    single = prepared(optimizer="adamw")
    single.micro_batch_size = 1
    expected = end_of(single)
    stepper = prepared(optimizer="adamw")
    fail_unless(monkeypatch, lambda: stepper.model.activation_checkpointing)
    assert same(end_of(stepper), expected)
    assert stepper.micro_batch_size == 1
    assert stepper.model.activation_checkpointing


def test_when_that_does_not_help_the_run_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    stepper = prepared(optimizer="adamw")
    before = [p.detach().clone() for p in stepper.model.parameters()]
    fail_unless(monkeypatch, lambda: False)
    with pytest.raises(OutOfMemoryError, match="single window"):
        stepper.step(BATCH, lr_factor=1.0)
    assert same(before, [p.detach() for p in stepper.model.parameters()])


def fail_unless(monkeypatch: pytest.MonkeyPatch, enough: Callable[[], bool]) -> None:
    real = gradients_module.sum_losses

    def sum_losses(*args: Any, **kwargs: Any) -> Any:
        if not enough():
            raise torch.OutOfMemoryError
        return real(*args, **kwargs)

    monkeypatch.setattr(gradients_module, "sum_losses", sum_losses)


def test_larger_pieces_are_tried_again_after_a_long_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_module, "TRY_LARGER_AFTER", 3)
    stepper = prepared(optimizer="adamw")
    stepper.halve_micro_batch()
    sizes = []
    for _ in range(5):
        stepper.step(BATCH, lr_factor=0.1)
        sizes.append(stepper.micro_batch_size)
    assert sizes == [4, 4, 4, 7, 7]


def test_memory_that_is_short_in_the_optimizer_for_good_is_told() -> None:
    total = num_operations("adamw")
    stepper = prepared(optimizer="adamw")
    with pytest.raises(torch.OutOfMemoryError):
        end_of(stepper, Exhausted(fail_at=total - 2, times=100))
