"""Linear maps of a few rows on a CPU, where fetching the weights is what takes time.

A plain product of one row fetches its matrix with one thread; in parts, all threads fetch. For
a few rows oneDNN packs the weights in the order in which it reads them. At the default shape, with
two threads, the products of one row in parts take 0.56 of the time of plain ones, and those of 16
rows packed 0.54 (in parts 0.82). That differs from processor to processor, so it is tried. The
results differ in the last bits, as those of passes over more or fewer ids do.

R rows, I inputs, O outputs.
"""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeGuard

import torch
from torch import Tensor, nn

from lumina_cli.core.model.kernels.int8 import Int8Linear

LEAST_WEIGHTS = 1 << 17
"""Of a matrix: a smaller one lies in the cache, and is multiplied before threads have begun."""

NUM_PARTS = 8
"""More than there are threads on a small machine, as many as fetch all that memory gives."""

NUM_TRIALS = 3
"""Of each form; the fastest counts, for others may have been held up."""

NUM_TRIED = 3
"""Matrices of a shape that are tried, one after the other: a single one would lie in the cache."""

PACKED_FOR = 8
"""Rows that oneDNN packs for; others are about as fast so."""

Linear = Callable[[Tensor], Tensor]
"""From (R, I) to (R, O)."""


def plain(linear: nn.Module) -> Linear:
    """Return a linear map without the detours of calling a module."""
    if isinstance(linear, nn.Linear):
        bias, weight = linear.bias.detach(), linear.weight.detach().t()
        return lambda x: torch.addmm(bias, x, weight)
    forward: Linear = linear.forward
    return forward


@torch.no_grad()
def fastest(linears: Sequence[nn.Module], *, num_rows: int) -> list[Linear]:
    """Return the maps for one row, or for a few; each shape is tried once.

    What is packed lies in memory besides the weights themselves.

    Args:
        linears: in any order; small ones and those not in fp32 remain as they are.
        num_rows: R.

    Raises:
        MemoryError, RuntimeError: there is no memory to pack them.
    """
    of_shape: defaultdict[torch.Size, list[nn.Linear]] = defaultdict(list)
    for linear in filter(_is_packable, linears):
        of_shape[linear.weight.shape].append(linear)
    is_faster = {shape: _is_faster(same[:NUM_TRIED], num_rows) for shape, same in of_shape.items()}
    return [_fastest(linear, is_faster, num_rows=num_rows) for linear in linears]


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


def _fastest(linear: nn.Module, is_faster: dict[torch.Size, bool], *, num_rows: int) -> Linear:
    if isinstance(linear, Int8Linear):
        return linear.of_rows(num_rows)
    if _is_packable(linear) and is_faster[linear.weight.shape]:
        return in_parts(linear) if num_rows == 1 else packed(linear)
    return plain(linear)


def _is_faster(linears: Sequence[nn.Linear], num_rows: int) -> bool:
    """Whether another form than the plain one is: never where torch doesn't do it right."""
    x = torch.ones(num_rows, linears[0].in_features)
    expected = plain(linears[0])(x)
    try:
        maps = [in_parts(linear) if num_rows == 1 else packed(linear) for linear in linears]
        torch.testing.assert_close(maps[0](x), expected, rtol=1e-3, atol=1e-3)
    except (AttributeError, RuntimeError, TypeError, AssertionError):
        return False  # a private operation of torch: absent here, or another than it was
    return _seconds(maps, x) < _seconds([plain(linear) for linear in linears], x)


def _seconds(maps: Sequence[Linear], x: Tensor) -> float:
    taken_s = []
    for _ in range(NUM_TRIALS):
        maps[0](x)  # fetches its code
        started_s = time.perf_counter()
        for linear_map in maps:
            linear_map(x)
        taken_s.append(time.perf_counter() - started_s)
    return min(taken_s)


def _is_packable(linear: nn.Module) -> TypeGuard[nn.Linear]:
    if not isinstance(linear, nn.Linear) or linear.weight.numel() < LEAST_WEIGHTS:
        return False
    return linear.weight.device.type == "cpu" and linear.weight.dtype == torch.float32
