"""Linear maps of a few rows on a CPU, each by the routine that is fastest on this machine.

None is the fastest everywhere: with weights packed by oneDNN one row of the default shape takes
half the time of a plain product on a Zen 5 and a quarter more on a Xeon; on a Zen 3 parts that
threads share take a fifth less than that; a small matrix is done before either has begun. So they
are tried. They differ in the last bits, as passes over more or fewer ids do.

R rows, I inputs, O outputs.
"""

import functools
import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeGuard

import torch
from torch import Tensor, nn

from lumina_cli.core.model.kernels.int8 import Int8Linear

NUM_TRIALS = 3
"""Of each routine; the fastest counts, for others may have been held up."""

_NUM_TRIED = 3
"""Matrices of a shape that a routine is tried on, one after the other: of a large model not all fit
into the cache, where a single one would lie all the time."""

_WORTH_IT = 0.9
"""Share of the time of a simpler routine that another must stay below: among other operations it
gains less than it does alone, and what is packed lies in memory a second time."""

_NUM_PARTS = 8
"""Parts of a matrix that threads share: more than there are threads on a small machine, as many as
fetch all that the memory gives on a large one."""

PACKED_FOR = 8
"""Rows that oneDNN packs for; for one row it is as fast so."""

Linear = Callable[[Tensor], Tensor]
"""From (R, I) to (R, O)."""

_Way = Callable[[nn.Linear, int], Linear]
"""Makes the map of a layer for so many rows."""


def plain(linear: nn.Module) -> Linear:
    """Return a linear map without the detours of calling a module."""
    if isinstance(linear, nn.Linear):
        bias, weight = linear.bias.detach(), linear.weight.detach().t()
        return lambda x: torch.addmm(bias, x, weight)
    forward: Linear = linear.forward
    return forward


@torch.no_grad()
def fastest(linears: Sequence[nn.Module], *, rows: Sequence[int]) -> dict[int, list[Linear]]:
    """Return the maps by R, for exactly so many rows; each shape is tried once.

    What is packed lies in memory besides the weights themselves.

    Args:
        linears: in fp32 on a CPU; others remain as they are.
        rows: each R that is worth it.
    """
    pack = functools.cache(_packed_by_onednn)  # once for every R
    ways: list[_Way] = [_plainly, _in_parts, _by_mkl, partial(_by_onednn, pack=pack)]
    return {num_rows: _fastest(linears, ways, num_rows=num_rows) for num_rows in rows}


def _fastest(linears: Sequence[nn.Module], ways: list[_Way], *, num_rows: int) -> list[Linear]:
    of_shape: defaultdict[torch.Size, list[nn.Linear]] = defaultdict(list)
    for linear in filter(_is_packable, linears):
        of_shape[linear.weight.shape].append(linear)
    way_of = {
        shape: _fastest_way(same[:_NUM_TRIED], ways, num_rows=num_rows)
        for shape, same in of_shape.items()
    }

    def map_of(linear: nn.Module) -> Linear:
        if _is_packable(linear):
            return way_of[linear.weight.shape](linear, num_rows)
        return linear.of_rows(num_rows) if isinstance(linear, Int8Linear) else plain(linear)

    return [map_of(linear) for linear in linears]


def _fastest_way(linears: Sequence[nn.Linear], ways: list[_Way], *, num_rows: int) -> _Way:
    """Return the fastest way for some of one shape; each must be worth it beside those before."""
    x = torch.ones(num_rows, linears[0].in_features)
    maps = [[way(linear, num_rows) for linear in linears] for way in ways]
    best_s = [float("inf")] * len(ways)
    for _ in range(NUM_TRIALS):
        for number, linear_maps in enumerate(maps):
            linear_maps[0](x)  # fetches its code, which the other routines have driven out
            started_s = time.perf_counter()
            for linear_map in linear_maps:
                linear_map(x)
            best_s[number] = min(best_s[number], time.perf_counter() - started_s)
    chosen = 0
    for number in range(1, len(ways)):
        if best_s[number] < _WORTH_IT * best_s[chosen]:
            chosen = number
    return ways[chosen]


def _plainly(linear: nn.Linear, _: int) -> Linear:
    return plain(linear)


def _in_parts(linear: nn.Linear, num_rows: int) -> Linear:
    """Return a map whose outputs are shared among threads: a plain product of one row uses one.

    An odd number of outputs can't be shared, and two or four only by so many.
    """
    num_parts = math.gcd(linear.out_features, _NUM_PARTS)
    weight = torch.unflatten(linear.weight.detach(), 0, (num_parts, -1)).mT  # (parts, I, O / parts)
    bias = linear.bias.detach().view(num_parts, 1, -1)

    def multiply(x: Tensor) -> Tensor:
        y = torch.baddbmm(bias, x.expand(num_parts, -1, -1), weight)  # (parts, R, O / parts)
        return y.transpose(0, 1).reshape(num_rows, -1)

    return multiply


def _by_mkl(linear: nn.Linear, num_rows: int) -> Linear:
    """Return a map of exactly `num_rows` rows."""
    if not hasattr(torch.ops.mkl, "_mkl_linear"):
        return plain(linear)
    weight, bias = linear.weight.detach(), linear.bias.detach()
    packed = torch.ops.mkl._mkl_reorder_linear_weight(weight, num_rows)
    multiply = torch.ops.mkl._mkl_linear.default.op  # by `op` it starts sooner
    return lambda x: multiply(x, packed, weight, bias, num_rows)


def _by_onednn(linear: nn.Linear, _: int, *, pack: Callable[[nn.Linear], Tensor]) -> Linear:
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return plain(linear)
    packed, bias = pack(linear), linear.bias.detach()
    multiply = torch.ops.mkldnn._linear_pointwise.default.op
    return lambda x: multiply(x, packed, bias, "none", [], "")


def _packed_by_onednn(linear: nn.Linear) -> Tensor:
    packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), PACKED_FOR)
    return packed


def _is_packable(linear: nn.Module) -> TypeGuard[nn.Linear]:
    if not isinstance(linear, nn.Linear):
        return False
    return linear.weight.device.type == "cpu" and linear.weight.dtype == torch.float32
