"""Linear maps of a few rows on a CPU: plain ones, or oneDNN's with packed weights.

With a few rows, fetching the weights is what takes time. oneDNN packs them in the order in which
it reads them: at the default shape 16 rows take half the time of plain products or less, one row
between 0.6 and 1.0 of it. Which is faster differs from processor to processor, so both are tried.
They differ in the last bits, as passes over more or fewer ids do.

R rows, I inputs, O outputs.
"""

import time
from collections.abc import Callable, Sequence
from typing import TypeGuard

import torch
from torch import Tensor, nn

from lumina_cli.core.model.kernels.int8 import Int8Linear

LEAST_WEIGHTS = 1 << 17
"""Of a matrix: a smaller one lies in the cache, and is multiplied before oneDNN has begun."""

NUM_TRIALS = 3
"""Of each form; the fastest counts, for others may have been held up."""

NUM_TRIED = 3
"""Matrices of a shape that are tried, one after the other: a single one would lie in the cache."""

PACKED_FOR = 8
"""Rows that oneDNN packs for; others are about as fast so."""

Linear = Callable[[Tensor], Tensor]
"""From (R, I) to (R, O)."""

Pack = Callable[[nn.Linear], Linear]


def plain(linear: nn.Module) -> Linear:
    """Return a linear map without the detours of calling a module."""
    if isinstance(linear, nn.Linear):
        bias, weight = linear.bias.detach(), linear.weight.detach().t()
        return lambda x: torch.addmm(bias, x, weight)
    forward: Linear = linear.forward
    return forward


@torch.no_grad()
def fastest(linears: Sequence[nn.Module], *, num_rows: int, pack: Pack) -> list[Linear]:
    """Return the maps for about so many rows; each shape is tried once.

    What is packed lies in memory besides the weights themselves.

    Args:
        linears: in any order; what can't be packed remains as it is.
        num_rows: R.
        pack: does what `packed` does, once for every R.

    Raises:
        MemoryError, RuntimeError: there is no memory to pack them.
    """
    is_faster: dict[torch.Size, bool] = {}
    for linear in linears:
        if _is_packable(linear) and linear.weight.shape not in is_faster:
            same = [other for other in linears if _has_shape(other, linear.weight.shape)]
            is_faster[linear.weight.shape] = _packing_is_faster(same[:NUM_TRIED], num_rows)
    return [_fastest(linear, is_faster, num_rows=num_rows, pack=pack) for linear in linears]


def packed(linear: nn.Linear) -> Linear:
    """Return a linear map as oneDNN does it, its weights packed."""
    bias = linear.bias.detach()
    weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), PACKED_FOR)
    multiply = torch.ops.mkldnn._linear_pointwise.default.op  # by `op` it starts sooner
    return lambda x: multiply(x, weight, bias, "none", [], "")


def _fastest(
    linear: nn.Module, is_faster: dict[torch.Size, bool], *, num_rows: int, pack: Pack
) -> Linear:
    if isinstance(linear, Int8Linear):
        return linear.of_rows(num_rows)
    if _is_packable(linear) and is_faster[linear.weight.shape]:
        return pack(linear)
    return plain(linear)


def _packing_is_faster(linears: Sequence[nn.Linear], num_rows: int) -> bool:
    x = torch.ones(num_rows, linears[0].in_features)
    expected = plain(linears[0])(x)
    try:
        maps = [packed(linear) for linear in linears]
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


def _has_shape(linear: nn.Module, shape: torch.Size) -> TypeGuard[nn.Linear]:
    return isinstance(linear, nn.Linear) and linear.weight.shape == shape
