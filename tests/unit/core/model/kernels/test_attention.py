"""Causal attention against torch's in fp64.

B batch, H heads, T time, D head size.
"""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from lumina_cli.core.model.kernels import attention
from lumina_cli.core.model.kernels.attention import causal_attention


def some(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).bfloat16()


def with_gradients(attend_: object, *inputs: Tensor, grad: Tensor) -> list[Tensor]:
    leaves = [x.clone().requires_grad_() for x in inputs]
    out: Tensor = attend_(*leaves)  # type: ignore[operator]
    return [out.detach(), *torch.autograd.grad(out, leaves, grad)]


def in_fp64(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def error(found: Tensor, expected: Tensor) -> float:
    return ((found.double() - expected).norm() / expected.norm()).item()


@pytest.mark.parametrize(
    "shape", [(1, 1, 1, 4), (2, 3, 7, 8), (1, 2, 128, 16), (2, 2, 129, 16), (3, 1, 300, 32)]
)
def test_it_is_torchs_but_for_rounding(shape: tuple[int, ...]) -> None:
    q, k, v, grad = (some(*shape, seed=seed) for seed in range(4))
    found = with_gradients(causal_attention, q, k, v, grad=grad)
    exact = (x.double() for x in (q, k, v))
    expected = with_gradients(in_fp64, *exact, grad=grad.double())
    names = ["out", "q", "k", "v"]
    for name, mine, theirs in zip(names, found, expected, strict=True):
        assert mine.dtype == torch.bfloat16
        if theirs.norm() > 1e-6:
            assert error(mine, theirs) < 2**-7, name


def test_one_position_takes_itself() -> None:
    q, k, v, grad = (some(2, 2, 1, 4, seed=seed) for seed in range(4))
    out, *grads = with_gradients(causal_attention, q, k, v, grad=grad)
    assert torch.equal(out, v)
    assert [x.abs().max().item() == 0 for x in grads] == [True, True, False]


def test_blocks_of_any_size_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    q, k, v, grad = (some(2, 3, 50, 8, seed=seed) for seed in range(4))
    at_once = with_gradients(causal_attention, q, k, v, grad=grad)
    monkeypatch.setattr(attention, "CHUNK", 16)
    monkeypatch.setattr(attention, "BLOCK", 2 * 16 * 50)  # two rows of six
    in_blocks = with_gradients(causal_attention, q, k, v, grad=grad)
    for mine, theirs in zip(in_blocks, at_once, strict=True):
        assert error(mine, theirs.double()) < 2**-7


def test_what_comes_later_changes_nothing() -> None:
    q, k, v = (some(1, 2, 200, 8, seed=seed) for seed in range(3))
    before = causal_attention(q, k, v)
    k[:, :, 150:], v[:, :, 150:] = 9.0, 9.0
    assert torch.equal(causal_attention(q, k, v)[:, :, :150], before[:, :, :150])


def test_heads_that_lie_apart_in_memory_are_read_as_they_are() -> None:
    qkv = some(2, 20, 3, 2, 8, seed=0).requires_grad_()  # (B, T, 3, H, D)
    q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
    assert torch.equal(
        causal_attention(q, k, v), causal_attention(q.contiguous(), k.contiguous(), v.contiguous())
    )
    causal_attention(q, k, v).sum().backward()
    assert qkv.grad is not None
    assert qkv.grad.isfinite().all()


def test_probabilities_are_in_bf16_under_autocast_too() -> None:
    q, k = (some(1, 1, 8, 4, seed=seed) for seed in range(2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert attention._probs(q[0], k[0]).dtype == torch.bfloat16


def test_probabilities_are_not_kept_for_the_backward_pass() -> None:
    q, k, v = (some(1, 2, 256, 8, seed=seed).requires_grad_() for seed in range(3))
    kept: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda x: kept.append(x.numel()) or x,  # type: ignore[func-returns-value]
        lambda x: x,
    ):
        causal_attention(q, k, v)
    assert sum(kept) == 3 * 2 * 256 * 8


def test_in_fp32_it_is_torchs() -> None:
    q, k, v = (some(1, 2, 9, 4, seed=seed).float() for seed in range(3))
    assert torch.equal(
        causal_attention(q, k, v), F.scaled_dot_product_attention(q, k, v, is_causal=True)
    )
