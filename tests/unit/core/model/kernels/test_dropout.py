"""Dropout: how much, how large, and the same in both directions."""

import pytest
import torch

from lumina_cli.core.model.kernels import dropout as module
from lumina_cli.core.model.kernels.dropout import dropout, residual_dropout

RATES = [0.1, 0.5, 0.9]


def seeded_ones(*shape: int) -> torch.Tensor:
    torch.manual_seed(5)
    return torch.ones(shape, requires_grad=True)


@pytest.mark.parametrize("rate", RATES)
def test_the_share_dropped_is_the_rate_and_the_mean_stays(rate: float) -> None:
    num = 400_000
    y = dropout(seeded_ones(num), rate=rate)
    spread = (rate * (1 - rate) / num) ** 0.5
    assert (y == 0).float().mean().item() == pytest.approx(rate, abs=5 * spread + 1 / 32_768)
    assert y.mean().item() == pytest.approx(1.0, abs=5 * spread / (1 - rate))
    assert y.max().item() == pytest.approx(1 / (1 - rate), rel=4e-4)


@pytest.mark.parametrize("apart", [1, 2, 3, 4, 64])
def test_what_is_dropped_says_nothing_of_its_neighbours(apart: int) -> None:
    kept = (dropout(seeded_ones(400_000), rate=0.5) > 0).float()
    together = (kept[apart:] * kept[:-apart]).mean().item()
    assert together == pytest.approx(0.25, abs=5 * (3 / 16 / 400_000) ** 0.5)


def test_a_rate_next_to_one_keeps_something() -> None:
    y = torch.ones(1 << 18)
    dropped = dropout(y, rate=0.999999)
    assert torch.isfinite(dropped).all()
    assert (dropped > 0).any()


def test_the_gradient_goes_where_the_numbers_went() -> None:
    x, y = seeded_ones(7, 5), torch.randn(7, 5, requires_grad=True)
    total = residual_dropout(x, y, rate=0.5)
    factor = (total - x).detach() / y.detach()  # 0 or 2
    assert set(factor.round().flatten().tolist()) == {0.0, 2.0}
    weights = torch.randn(7, 5)
    (total * weights).sum().backward()
    assert x.grad is not None
    assert y.grad is not None
    torch.testing.assert_close(x.grad, weights)
    torch.testing.assert_close(y.grad, weights * factor)


def test_gradients_are_those_that_differences_give() -> None:
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    y = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)

    def drawn_alike(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(1)
        return residual_dropout(dropout(x, rate=0.25), y, rate=0.25)

    assert torch.autograd.gradcheck(drawn_alike, (x, y))


def test_nothing_is_dropped_at_a_rate_of_zero() -> None:
    x, y = torch.randn(3, 5), torch.randn(3, 5)
    assert torch.equal(dropout(y, rate=0.0), y)
    assert torch.equal(residual_dropout(x, y, rate=0.0), x + y)


def test_a_half_precision_branch_joins_a_full_precision_stream() -> None:
    x, y = seeded_ones(64), torch.full((64,), 0.5, dtype=torch.bfloat16, requires_grad=True)
    total = residual_dropout(x, y, rate=0.5)
    assert total.dtype == torch.float32
    assert set(total.tolist()) == {1.0, 2.0}
    total.sum().backward()
    assert y.grad is not None
    assert y.grad.dtype == torch.bfloat16
    assert torch.equal(y.grad == 0, total == 1)


def test_a_tensor_that_does_not_lie_in_one_piece_is_dropped_like_another() -> None:
    y = torch.randn(6, 8).t()
    torch.manual_seed(2)
    ours = dropout(y, rate=0.5)
    torch.manual_seed(2)
    theirs = dropout(y.contiguous(), rate=0.5)
    assert torch.equal(ours, theirs)


def test_compiled_code_takes_torchs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    monkeypatch.delattr(module, "_keep")
    found = residual_dropout(torch.ones(64), torch.ones(64), rate=0.5)
    assert set(found.tolist()) == {1.0, 3.0}
