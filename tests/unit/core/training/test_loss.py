"""The loss, against torch's own."""

import math

import pytest
import torch

from lumina_cli.core.training import loss as module
from lumina_cli.core.training.loss import LossSums, linear_cross_entropy, sum_losses


def some(num: int = 30, num_ids: int = 11) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    logits = 3 * torch.randn(num, num_ids, generator=generator)
    return logits, torch.randint(num_ids, (num,), generator=generator)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5, 0.99])
def test_the_loss_is_torchs_cross_entropy(smoothing: float) -> None:
    logits, targets = some()
    reference = torch.nn.CrossEntropyLoss(label_smoothing=smoothing, reduction="sum")
    ours = sum_losses(logits, targets, label_smoothing=smoothing).loss
    torch.testing.assert_close(ours, reference(logits, targets))


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_its_gradient_is_that_of_torchs(smoothing: float) -> None:
    logits, targets = some()
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    torch.autograd.backward(sum_losses(ours, targets, label_smoothing=smoothing).loss)
    reference = torch.nn.CrossEntropyLoss(label_smoothing=smoothing, reduction="sum")
    reference(theirs, targets).backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_what_is_reported_is_not_smoothed() -> None:
    logits, targets = some()
    smoothed = sum_losses(logits, targets, label_smoothing=0.4)
    plain = torch.nn.CrossEntropyLoss(reduction="sum")(logits, targets)
    torch.testing.assert_close(smoothed.nll, plain)
    assert not smoothed.nll.requires_grad


def test_a_blind_guess_costs_ln_v_and_the_right_ones_are_counted() -> None:
    logits = torch.zeros(3, 4)
    logits[0, 2], logits[1, 1] = 1e-3, 1e-3
    sums = sum_losses(logits, torch.tensor([2, 3, 0]))
    assert sums.nll.item() == pytest.approx(3 * math.log(4), abs=1e-2)
    assert sums.num_right.item() == 2  # the tie of the last goes to the first id


def test_no_position_costs_nothing() -> None:
    sums = sum_losses(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long), label_smoothing=0.1)
    assert (sums.loss.item(), sums.num_right.item()) == (0.0, 0)


def head(num: int = 30, num_ids: int = 11) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    hidden = torch.randn(num, 8, generator=generator).requires_grad_()
    weight = torch.randn(num_ids, 8, generator=generator).requires_grad_()
    return hidden, weight, torch.randint(num_ids, (num,), generator=generator)


def by_logits(
    hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor, *, label_smoothing: float
) -> LossSums:
    """Return the sums by torch's own parts, in fp64."""
    logits = hidden.double() @ weight.double().t()
    reference = torch.nn.CrossEntropyLoss(label_smoothing=label_smoothing, reduction="sum")
    nll = torch.nn.functional.nll_loss(logits.log_softmax(1), targets, reduction="sum")
    return LossSums(reference(logits, targets), nll, (logits.argmax(1) == targets).sum())


@pytest.mark.parametrize("at_once", [1, 11, 7 * 11, 1 << 19])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_with_its_head_it_is_the_loss_of_all_logits(
    smoothing: float, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOGITS_AT_ONCE", at_once)
    hidden, weight, targets = head()
    found = linear_cross_entropy(hidden, weight, targets, label_smoothing=smoothing)
    expected = by_logits(hidden, weight, targets, label_smoothing=smoothing)
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs.to(mine.dtype))
    of_mine = torch.autograd.grad(found.loss * 0.25, (hidden, weight))
    of_theirs = torch.autograd.grad(expected.loss * 0.25, (hidden, weight))
    for one, other in zip(of_mine, of_theirs, strict=True):
        torch.testing.assert_close(one, other)


def test_under_autocast_the_products_of_the_head_are_rounded_as_elsewhere() -> None:
    hidden, weight, targets = head(num=300, num_ids=40)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = linear_cross_entropy(hidden, weight, targets)
    expected = by_logits(hidden, weight, targets, label_smoothing=0.0)
    assert found.loss.dtype == torch.float32
    assert 0 < abs(found.loss - expected.loss) < 2**-8 * expected.loss
    of_mine = torch.autograd.grad(found.loss, (hidden, weight))
    of_theirs = torch.autograd.grad(expected.loss, (hidden, weight))
    for one, other in zip(of_mine, of_theirs, strict=True):
        assert one.dtype == torch.float32
        assert 0 < (one - other).norm() < 2**-7 * other.norm()


def test_large_logits_neither_overflow_nor_lose_the_loss() -> None:
    hidden, weight, targets = head()
    with torch.no_grad():
        hidden *= 1e4
    found = linear_cross_entropy(hidden, weight, targets)
    expected = by_logits(hidden, weight, targets, label_smoothing=0.0)
    torch.testing.assert_close(found.loss, expected.loss.float())


def test_logits_that_are_no_numbers_show_in_the_loss() -> None:
    hidden, weight, targets = head()
    with torch.no_grad():
        hidden[17, 3] = math.inf
    assert not linear_cross_entropy(hidden, weight, targets).nll.isfinite()


def test_a_head_that_does_not_learn_gets_no_gradient() -> None:
    hidden, weight, targets = head()
    linear_cross_entropy(hidden, weight.detach(), targets).loss.backward()
    assert weight.grad is None
    assert hidden.grad is not None
    assert hidden.grad.abs().sum() > 0


def test_a_head_without_positions_costs_nothing() -> None:
    hidden, weight, targets = head(num=0)
    sums = linear_cross_entropy(hidden, weight, targets, label_smoothing=0.1)
    sums.loss.backward()
    assert (sums.loss.item(), sums.num_right.item()) == (0.0, 0)
    assert weight.grad is not None
    assert weight.grad.abs().sum() == 0
