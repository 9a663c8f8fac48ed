"""GELU in its tanh form; for learning on a CPU from faster operations, in bf16 or without AVX-512.

torch's kernel takes 1.4 ns a number with AVX-512 and 4 ns without, and as much again for its
slope; tanh is most of it. x · (1 + tanh(u)) / 2 is x · σ(2u), and from the same σ comes the
slope, which is kept in place of x. Intermediate numbers are in fp32, a stretch at a time, so
that they stay in the cache. In fp32 with AVX-512 that is no faster.
"""

import functools
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
    if not is_for_learning or torch.compiler.is_compiling() or not _is_slow(x):
        return F.gelu(x, approximate="tanh")
    y: Tensor = _Gelu.apply(x)  # type: ignore[no-untyped-call]
    return y


def _is_slow(x: Tensor) -> bool:
    """Whether torch's kernel is slower than what it is made of."""
    if x.device.type != "cpu":
        return False
    return x.dtype == torch.bfloat16 or (x.dtype == torch.float32 and _lacks_avx512())


@functools.cache
def _lacks_avx512() -> bool:
    return torch.backends.cpu.get_cpu_capability() == "AVX2"


class _Gelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> Tensor:
        x = x.contiguous()
        y, slope = torch.empty_like(x), torch.empty_like(x)
        rooms = _Rooms(min(STRETCH, x.numel()))
        parts = (torch.split(part.view(-1), STRETCH) for part in (x, y, slope))
        for of_x, of_y, of_slope in zip(*parts, strict=True):
            if x.dtype == torch.float32:
                _with_slope(of_x, rooms, y=of_y, slope=of_slope)
            else:
                wide, slope_room = of_x.float(), rooms.slope[: len(of_x)]
                _with_slope(wide, rooms, y=wide, slope=slope_room)
                of_y.copy_(wide)
                of_slope.copy_(slope_room)
        ctx.save_for_backward(slope)
        return y

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> Tensor:
        slope: Tensor = ctx.saved_tensors[0]  # type: ignore[attr-defined]
        return grads[0] * slope


class _Rooms:
    """Room for what a stretch needs in between, in fp32."""

    def __init__(self, size: int) -> None:
        self.linear = torch.full((size,), _LINEAR)
        self.z, self.rest, self.slope = torch.empty(3, size).unbind()


def _with_slope(x: Tensor, rooms: _Rooms, *, y: Tensor, slope: Tensor) -> None:
    """Write x · σ(z) and σ + x · z' · σ · (1 - σ), with z = a · x + b · x³, all in fp32.

    x · z' is a · x + 3 · b · x³, or 3 · (z - ⅔ · a · x). `y` may be `x` itself.
    """
    linear, z, rest = (room[: len(x)] for room in (rooms.linear, rooms.z, rooms.rest))
    torch.addcmul(linear, x, x, value=_CUBIC, out=z).mul_(x)
    sigmoid = torch.sigmoid(z, out=slope)
    third = z.add_(x, alpha=-_LINEAR * 2 / 3)
    torch.mul(x, sigmoid, out=y)
    torch.addcmul(sigmoid, sigmoid, sigmoid, value=-1, out=rest)
    sigmoid.addcmul_(rest, third, value=3)
