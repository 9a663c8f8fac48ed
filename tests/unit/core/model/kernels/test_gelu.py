"""GELU against torch's in fp64."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from lumina_cli.core.model.kernels import gelu as module
from lumina_cli.core.model.kernels.gelu import gelu


def with_slope(x: Tensor) -> tuple[Tensor, Tensor]:
    x = x.clone().requires_grad_()
    y = gelu(x)
    y.sum().backward()
    assert x.grad is not None
    return y.detach(), x.grad


def expected(x: Tensor) -> tuple[Tensor, Tensor]:
    exact = x.double().requires_grad_()
    y = F.gelu(exact, approximate="tanh")
    y.sum().backward()
    assert exact.grad is not None
    return y.detach(), exact.grad


@pytest.fixture(params=[torch.bfloat16, torch.float32])
def dtype(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> torch.dtype:
    """Those that are computed by parts, fp32 as on a machine without AVX-512."""
    monkeypatch.setattr(module, "_lacks_avx512", lambda: True)
    chosen: torch.dtype = request.param
    return chosen


def every_bf16() -> Tensor:
    """All 65,280 numbers of the format that are finite."""
    bits = torch.arange(-(1 << 15), 1 << 15, dtype=torch.int32).to(torch.int16)
    numbers = bits.view(torch.bfloat16)
    return numbers[numbers.isfinite()]


def test_every_number_and_its_slope_are_rounded_once() -> None:
    x = every_bf16()
    x = x[x.abs() < 1e12]  # its cube is finite in fp32
    for mine, theirs in zip(with_slope(x), expected(x), strict=True):
        assert ((mine.double() - theirs).abs() <= 2**-8 * theirs.abs() + 1e-6).all()


def test_in_fp32_without_avx512_it_differs_in_the_last_bits_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x = torch.linspace(-12, 12, 100_001)
    monkeypatch.setattr(module, "_lacks_avx512", lambda: False)
    torchs = with_slope(x)
    monkeypatch.setattr(module, "_lacks_avx512", lambda: True)
    mine = with_slope(x)
    assert not torch.equal(mine[0], torchs[0]), "both by torch's kernel"
    for found, theirs, exact in zip(mine, torchs, expected(x), strict=True):
        mine_off, torchs_off = (found - exact).abs().max(), (theirs - exact).abs().max()
        assert mine_off < 2 * torchs_off


def test_fp32_is_torchs_with_avx512(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_lacks_avx512", lambda: False)
    x = torch.linspace(-4, 4, 33).requires_grad_()
    assert torch.equal(gelu(x), F.gelu(x, approximate="tanh"))


def test_the_largest_numbers_stay_finite(dtype: torch.dtype) -> None:
    huge = torch.tensor([1e30, 3e38, -1e30, -3e38]).to(dtype)
    y, _ = with_slope(huge)
    assert torch.equal(y, F.relu(huge))


@pytest.mark.parametrize("count", [1, 7, 8, 9, 24])
def test_stretches_of_any_length_give_the_same(
    count: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = torch.linspace(-4, 4, count).to(dtype)
    whole = with_slope(x)
    monkeypatch.setattr(module, "STRETCH", 8)
    last_bits = 1e-6 if dtype == torch.float32 else 0.0  # of ends that fill no vector
    for mine, theirs in zip(with_slope(x), whole, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0.0, atol=last_bits)


def test_any_shape_and_layout_will_do(dtype: torch.dtype) -> None:
    x = torch.randn(4, 6, 5, generator=torch.Generator().manual_seed(0)).to(dtype).transpose(0, 2)
    y, slope = with_slope(x)
    flat_y, flat_slope = with_slope(x.flatten())
    assert torch.equal(y.flatten(), flat_y)
    assert torch.equal(slope.flatten(), flat_slope)


def test_without_learning_it_is_torchs(dtype: torch.dtype) -> None:
    x = torch.linspace(-4, 4, 33).to(dtype)
    assert torch.equal(gelu(x), F.gelu(x, approximate="tanh"))


def test_at_two_it_is_what_the_formula_says() -> None:
    x = torch.tensor([2.0])
    u = math.sqrt(2 / math.pi) * (2 + 0.044715 * 8)
    assert gelu(x).item() == pytest.approx(2 * (1 + math.tanh(u)) / 2)
    assert with_slope(x.bfloat16())[0].item() == pytest.approx(1 + math.tanh(u), rel=2**-8)
