"""Linear maps of a few rows on a CPU, where fetching the weights is what takes time.

A plain product of one row fetches its matrix with one thread; in parts, all threads fetch. For
a few rows oneDNN packs the weights in the order in which it reads them. The results differ in the
last bits, as those of passes over more or fewer ids do. docs/performance.md has the figures.

R rows, I inputs, O outputs.
"""

import functools
import math
from collections.abc import Callable
from typing import TypeGuard

import torch
from torch import Tensor, nn

from lumina_cli.core.model.kernels.int8 import Int8Linear

LEAST_WEIGHTS = 1 << 16
"""Of a matrix: a smaller one lies in the cache, and is multiplied before threads have begun."""

NUM_PARTS = 8
"""More than there are threads on a small machine, as many as fetch all that memory gives."""

PACKED_FOR = 8
"""Rows that oneDNN packs for; others are about as fast so."""

Linear = Callable[[Tensor], Tensor]
"""From (R, I) to (R, O)."""


def of_one_row(linear: nn.Module) -> Linear:
    """Return the map of exactly one row."""
    if isinstance(linear, Int8Linear):
        return linear.of_rows(1)
    return in_parts(linear) if _is_large(linear) else plain(linear)


def of_few_rows(linear: nn.Module) -> Linear:
    """Return the map of some rows, which may keep the weights a second time, packed."""
    if isinstance(linear, Int8Linear):
        return linear.of_rows(PACKED_FOR)
    return packed(linear) if _is_large(linear) and _can_pack() else plain(linear)


def plain(linear: nn.Module) -> Linear:
    """Return a linear map without the detours of calling a module."""
    if isinstance(linear, nn.Linear):
        bias, weight = linear.bias.detach(), linear.weight.detach().t()
        return lambda x: torch.addmm(bias, x, weight)
    forward: Linear = linear.forward
    return forward


def in_parts(linear: nn.Linear) -> Linear:
    """Return the map of one row as a batch of products, which threads share; nothing is copied."""
    num_parts = math.gcd(linear.out_features, NUM_PARTS)
    weight = torch.unflatten(linear.weight.detach(), 0, (num_parts, -1)).mT  # (parts, I, O / parts)
    bias = linear.bias.detach().view(num_parts, 1, -1)
    return lambda x: torch.baddbmm(bias, x.expand(num_parts, -1, -1), weight).view(1, -1)


def packed(linear: nn.Linear) -> Linear:
    """Return a linear map as oneDNN does it, its weights packed."""
    bias = linear.bias.detach()
    weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), PACKED_FOR)
    multiply = torch.ops.mkldnn._linear_pointwise.default.op  # by `op` it starts sooner
    return lambda x: multiply(x, weight, bias, "none", [], "")


@functools.cache
@torch.no_grad()
def _can_pack() -> bool:
    """Whether torch's private operations are there, and still do what they did."""
    linear, x = nn.Linear(48, 32), torch.linspace(-1, 1, 3 * 48).view(3, 48)
    try:
        torch.testing.assert_close(packed(linear)(x), plain(linear)(x), rtol=1e-4, atol=1e-5)
    except (AttributeError, RuntimeError, TypeError, AssertionError):
        return False
    return True


def _is_large(linear: nn.Module) -> TypeGuard[nn.Linear]:
    if not isinstance(linear, nn.Linear) or linear.weight.numel() < LEAST_WEIGHTS:
        return False
    return linear.weight.device.type == "cpu" and linear.weight.dtype == torch.float32
