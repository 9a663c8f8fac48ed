"""The loss, against torch's own."""

import math

import pytest
import torch

from lumina_cli.core.training.step.loss import sum_losses


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


def test_large_logits_neither_overflow_nor_lose_the_loss() -> None:
    logits, targets = some()
    sums = sum_losses(1e4 * logits, targets)
    expected = torch.nn.CrossEntropyLoss(reduction="sum")(1e4 * logits.double(), targets)
    torch.testing.assert_close(sums.loss, expected.float())


def test_logits_that_are_no_numbers_show_in_the_loss() -> None:
    logits, targets = some()
    logits[17, 3] = math.inf
    assert not sum_losses(logits, targets).nll.isfinite()


def test_the_loss_of_rounded_logits_is_computed_in_fp32() -> None:
    logits, targets = some()
    rounded = logits.bfloat16().requires_grad_()
    sums = sum_losses(rounded, targets)
    torch.testing.assert_close(sums.loss, sum_losses(logits.bfloat16().float(), targets).loss)
    torch.autograd.backward(sums.loss)
    assert rounded.grad is not None
    assert rounded.grad.dtype == torch.bfloat16
