"""GELU in its tanh form; in bf16 on a CPU from faster operations.

torch's kernel takes 1.4 ns a number, and as much again for its slope; tanh is most of it.
x · (1 + tanh(u)) / 2 is x · σ(2u), and from the same σ comes the slope, which is kept in
place of x. Intermediate numbers are in fp32, a stretch at a time, so that they stay in the
cache.
"""

import math

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F

STRETCH = 1 << 17
"""Numbers at a time."""

_LINEAR = 2 * math.sqrt(2 / math.pi)
_CUBIC = 0.044715 * _LINEAR


def gelu(x: Tensor) -> Tensor:
    """Return x · Φ(x), approximately, of any shape.

    Source: Hendrycks and Gimpel 2016, "Gaussian Error Linear Units", section 2.
    """
    is_for_learning = torch.is_grad_enabled() and x.requires_grad
    is_bf16_on_cpu = x.dtype == torch.bfloat16 and x.device.type == "cpu"
    if not is_for_learning or not is_bf16_on_cpu or torch.compiler.is_compiling():
        return F.gelu(x, approximate="tanh")
    y: Tensor = _Gelu.apply(x)  # type: ignore[no-untyped-call]
    return y


class _Gelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> Tensor:
        x = x.contiguous()
        y, slope = torch.empty_like(x), torch.empty_like(x)
        linear = torch.full((STRETCH,), _LINEAR)
        parts = (torch.split(part.view(-1), STRETCH) for part in (x, y, slope))
        for of_x, of_y, of_slope in zip(*parts, strict=True):
            _with_slope(of_x, linear[: len(of_x)], y=of_y, slope=of_slope)
        ctx.save_for_backward(slope)
        return y

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> Tensor:
        slope: Tensor = ctx.saved_tensors[0]  # type: ignore[attr-defined]
        return grads[0] * slope


def _with_slope(x: Tensor, linear: Tensor, *, y: Tensor, slope: Tensor) -> None:
    """Write x · σ(z) and σ + x · z' · σ · (1 - σ), with z = a · x + b · x³; `linear` is full of a.

    x · z' is a · x + 3 · b · x³, or 3 · (z - ⅔ · a · x).
    """
    wide = x.float()
    z = torch.addcmul(linear, wide, wide, value=_CUBIC).mul_(wide)
    sigmoid = z.sigmoid()
    y.copy_(wide * sigmoid)
    third = z.add_(wide, alpha=-_LINEAR * 2 / 3)
    rest = torch.addcmul(sigmoid, sigmoid, sigmoid, value=-1, out=wide)
    slope.copy_(sigmoid.addcmul_(rest, third, value=3))
