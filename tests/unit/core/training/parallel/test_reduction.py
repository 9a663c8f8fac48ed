"""Gradients are summed in stretches while backward goes on, in one order whatever happens."""

from typing import Any

import pytest
import torch
from torch import Tensor

from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.optim.optimizers import build_optimizers
from lumina_cli.core.training.parallel.reduction import OverlappedSum, plan_stretches
from lumina_cli.errors import GroupError
from tests.unit.core.training.conftest import tiny_model


class Others:
    """As many ranks as double what is summed, and what was begun when."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.num_waited = 0
        self.is_lost = False

    def start(self, gradient: Tensor) -> Any:
        if self.is_lost:
            raise GroupError("rank 1 was lost")
        self.begun.append(gradient.data_ptr())
        gradient.mul_(2)

    def wait_for(self, works: Any) -> None:
        self.num_waited += len(works)


@pytest.fixture(params=["adamw", "muon"])
def parts(request: pytest.FixtureRequest) -> tuple[Any, list[Tensor]]:
    model = tiny_model()
    gradients = build_optimizers(model, config=TrainingConfig(optimizer=request.param)).gradients
    return model, gradients


def loss_of(model: Any) -> Tensor:
    loss: Tensor = model(torch.arange(8)[None]).square().mean()
    return loss


def test_stretches_hold_each_number_once_and_come_in_the_order_of_backward(parts: Any) -> None:
    model, gradients = parts
    stretches = plan_stretches(list(model.parameters()), gradients, least=300)
    assert len(stretches) > len(gradients)
    assert sum(len(each.gradient) for each in stretches) == sum(map(len, gradients))
    assert [each.last for each in stretches] == sorted((e.last for e in stretches), reverse=True)
    assert all(len(each.gradient) == sum(p.numel() for p in each.parameters) for each in stretches)


def test_sums_begin_within_backward_and_give_the_whole(parts: Any) -> None:
    model, gradients = parts
    others = Others()
    stretches = plan_stretches(list(model.parameters()), gradients, least=300)
    summing = OverlappedSum(
        list(model.parameters()), gradients, start=others.start, wait_for=others.wait_for, least=300
    )
    loss_of(model).backward()
    assert others.begun == []  # more backward passes are to come
    once = [gradient.clone() for gradient in gradients]
    summing.begin()
    loss_of(model).backward()
    assert len(others.begun) == len(stretches)
    summing.finish()
    assert others.begun == [each.gradient.data_ptr() for each in stretches]
    assert others.num_waited == len(stretches)
    for gradient, half in zip(gradients, once, strict=True):
        torch.testing.assert_close(gradient, 4 * half)


def test_what_backward_never_completed_is_summed_in_the_same_order(parts: Any) -> None:
    model, gradients = parts
    others = Others()
    summing = OverlappedSum(
        list(model.parameters()), gradients, start=others.start, wait_for=others.wait_for, least=300
    )
    expected = [
        each.gradient.data_ptr()
        for each in plan_stretches(list(model.parameters()), gradients, least=300)
    ]
    summing.finish()  # no windows on this rank
    assert others.begun == expected
    summing.begin()
    loss = loss_of(model)
    model.h[1].ln_1.weight.register_hook(lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        loss.backward()
    assert len(expected) < len(others.begun) < 2 * len(expected)
    summing.finish()
    assert others.begun == expected * 2


def test_a_rank_that_is_lost_within_backward_is_told_once_that_is_over(parts: Any) -> None:
    model, gradients = parts
    others = Others()
    summing = OverlappedSum(
        list(model.parameters()), gradients, start=others.start, wait_for=others.wait_for, least=300
    )
    summing.begin()
    others.is_lost = True
    loss_of(model).backward()
    with pytest.raises(GroupError, match="rank 1 was lost"):
        summing.finish()
