"""Dropout, and a residual with dropout.

On a CPU torch draws a random number for each element by one call after another of its
generator, 9 ns each; here one 64-bit number serves four elements, and the scaling is part
of the addition that follows.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from lumina_cli.core.model import functional

LEVELS = 1 << 15
"""The rate is rounded to a multiple of 1 / 32,768, and the scale fits the rounded one."""

_LOW_15_BITS = 0x7FFF7FFF7FFF7FFF


class _Source(threading.local):
    generator: torch.Generator | None = None


_source = _Source()


@contextmanager
def use_generator(generator: torch.Generator) -> Iterator[None]:
    """Let dropout draw from a generator in this thread, on a CPU, not from torch's default."""
    before, _source.generator = _source.generator, generator
    try:
        yield
    finally:
        _source.generator = before


def dropout(x: Tensor, *, rate: float) -> Tensor:
    """Do what `functional.dropout` does, with a rate rounded to a multiple of 1 / 32,768."""
    if _uses_torch(x):
        return functional.dropout(x, rate=rate)
    return x * _keep(x, rate=rate).mul_(_scale(rate))


def residual_dropout(x: Tensor, y: Tensor, *, rate: float) -> Tensor:
    """Return x + dropout(y), the scaling a part of the addition."""
    if _uses_torch(y):
        return functional.residual_dropout(x, y, rate=rate)
    total: Tensor = _ResidualDropout.apply(x, y, rate)  # type: ignore[no-untyped-call]
    return total


class _ResidualDropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, y: Tensor, rate: float) -> Tensor:
        keep = _keep(y, rate=rate)
        ctx.save_for_backward(keep)
        ctx.scale = _scale(rate)  # type: ignore[attr-defined]
        if x.dtype == y.dtype:
            return torch.addcmul(x, y, keep, value=ctx.scale)  # type: ignore[attr-defined]
        return torch.add(x, y * keep, alpha=ctx.scale)  # type: ignore[attr-defined]

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        (keep,) = ctx.saved_tensors  # type: ignore[attr-defined]
        dropped = (grads[0] * keep).mul_(ctx.scale)  # type: ignore[attr-defined]
        return grads[0], dropped.to(keep.dtype), None


def _uses_torch(y: Tensor) -> bool:
    return y.device.type != "cpu" or torch.compiler.is_compiling()


def _keep(y: Tensor, *, rate: float) -> Tensor:
    """Return one for what is kept and zero for what is dropped, as `y` has its numbers."""
    draws = torch.empty(-(-y.numel() // 4), dtype=torch.int64).random_(generator=_source.generator)
    levels = draws.bitwise_and_(_LOW_15_BITS).view(torch.int16)[: y.numel()]
    keep = torch.empty_like(y, memory_format=torch.contiguous_format)
    torch.ge(levels, _dropped_levels(rate), out=keep.view(-1))
    return keep


def _dropped_levels(rate: float) -> int:
    return min(round(rate * LEVELS), LEVELS - 1)  # something is always kept


def _scale(rate: float) -> float:
    return LEVELS / (LEVELS - _dropped_levels(rate))
