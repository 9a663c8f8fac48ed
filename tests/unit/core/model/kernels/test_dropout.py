"""Dropout: how much, how large, and the same in both directions."""

import pytest
import torch

from lumina_cli.core.model.kernels import dropout
from lumina_cli.core.model.kernels.dropout import add_dropped, drop

RATES = [0.1, 0.5, 0.9]


def seeded_ones(*shape: int) -> torch.Tensor:
    torch.manual_seed(5)
    return torch.ones(shape, requires_grad=True)


@pytest.mark.parametrize("rate", RATES)
def test_the_share_dropped_is_the_rate_and_the_mean_stays(rate: float) -> None:
    num = 400_000
    y = drop(seeded_ones(num), rate=rate, training=True)
    spread = (rate * (1 - rate) / num) ** 0.5
    assert (y == 0).float().mean().item() == pytest.approx(rate, abs=5 * spread + 1 / 32_768)
    assert y.mean().item() == pytest.approx(1.0, abs=5 * spread / (1 - rate))
    assert y.max().item() == pytest.approx(1 / (1 - rate), rel=4e-4)


@pytest.mark.parametrize("apart", [1, 2, 3, 4, 64])
def test_what_is_dropped_says_nothing_of_its_neighbours(apart: int) -> None:
    kept = (drop(seeded_ones(400_000), rate=0.5, training=True) > 0).float()
    together = (kept[apart:] * kept[:-apart]).mean().item()
    assert together == pytest.approx(0.25, abs=5 * (3 / 16 / 400_000) ** 0.5)


def test_a_rate_next_to_one_keeps_something() -> None:
    y = torch.ones(1 << 18)
    dropped = drop(y, rate=0.999999, training=True)
    assert torch.isfinite(dropped).all()
    assert (dropped > 0).any()


def test_the_gradient_goes_where_the_numbers_went() -> None:
    x, y = seeded_ones(7, 5), torch.randn(7, 5, requires_grad=True)
    total = add_dropped(x, y, rate=0.5, training=True)
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
        return add_dropped(drop(x, rate=0.25, training=True), y, rate=0.25, training=True)

    assert torch.autograd.gradcheck(drawn_alike, (x, y))


@pytest.mark.parametrize(("rate", "training"), [(0.0, True), (0.5, False)])
def test_nothing_is_dropped_at_a_rate_of_zero_or_out_of_training(
    rate: float, training: bool
) -> None:
    x, y = torch.randn(3, 5), torch.randn(3, 5)
    assert torch.equal(drop(y, rate=rate, training=training), y)
    assert torch.equal(add_dropped(x, y, rate=rate, training=training), x + y)


def test_a_half_precision_branch_joins_a_full_precision_stream() -> None:
    x, y = seeded_ones(64), torch.full((64,), 0.5, dtype=torch.bfloat16, requires_grad=True)
    total = add_dropped(x, y, rate=0.5, training=True)
    assert total.dtype == torch.float32
    assert set(total.tolist()) == {1.0, 2.0}
    total.sum().backward()
    assert y.grad is not None
    assert y.grad.dtype == torch.bfloat16
    assert torch.equal(y.grad == 0, total == 1)


def test_a_tensor_that_does_not_lie_in_one_piece_is_dropped_like_another() -> None:
    y = torch.randn(6, 8).t()
    torch.manual_seed(2)
    ours = drop(y, rate=0.5, training=True)
    torch.manual_seed(2)
    theirs = drop(y.contiguous(), rate=0.5, training=True)
    assert torch.equal(ours, theirs)


def test_compiled_code_takes_torchs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    monkeypatch.delattr(dropout, "_keep")
    found = add_dropped(torch.ones(64), torch.ones(64), rate=0.5, training=True)
    assert set(found.tolist()) == {1.0, 3.0}
