"""Linear maps of a few rows on a CPU, each by the routine that is fastest on this machine.

None is the fastest everywhere: with weights packed by oneDNN one row of the default shape takes
half the time of a plain product on a Zen 5 and a quarter more on a Xeon; for a small matrix it
takes four times as long to begin. So they are tried. They differ in the last bits, as passes
over more or fewer ids do.

R rows, I inputs, O outputs.
"""

import functools
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeGuard

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lumina_cli.core.model.int8 import Int8Linear

NUM_TRIALS = 7
"""Of each routine; the fastest counts, for others may have been held up."""

PACKED_FOR = 8
"""Rows that oneDNN packs for; for one row it is as fast so."""

Linear = Callable[[Tensor], Tensor]
"""From (R, I) to (R, O)."""

_Way = Callable[[nn.Linear, int], Linear]
"""Makes the map of a layer for so many rows."""


def plain(linear: nn.Module) -> Linear:
    """Return a linear map without the detours of calling a module."""
    if isinstance(linear, nn.Linear):
        return partial(F.linear, weight=linear.weight, bias=linear.bias)
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
    ways: list[_Way] = [lambda linear, _: plain(linear), _by_mkl, partial(_by_onednn, pack=pack)]
    return {num_rows: _fastest(linears, ways, num_rows=num_rows) for num_rows in rows}


def _fastest(linears: Sequence[nn.Module], ways: list[_Way], *, num_rows: int) -> list[Linear]:
    of_shape: dict[torch.Size, _Way] = {}
    maps = []
    for linear in linears:
        if isinstance(linear, Int8Linear):
            maps.append(linear.of_rows(num_rows))
            continue
        if not _is_packable(linear):
            maps.append(plain(linear))
            continue
        shape = linear.weight.shape
        if shape not in of_shape:
            of_shape[shape] = _fastest_way(linear, ways, num_rows=num_rows)
        maps.append(of_shape[shape](linear, num_rows))
    return maps


def _fastest_way(linear: nn.Linear, ways: list[_Way], *, num_rows: int) -> _Way:
    x = torch.ones(num_rows, linear.in_features)
    maps = [way(linear, num_rows) for way in ways]
    best_s = [float("inf")] * len(ways)
    for _ in range(NUM_TRIALS):
        for number, linear_map in enumerate(maps):
            started_s = time.perf_counter()
            linear_map(x)
            best_s[number] = min(best_s[number], time.perf_counter() - started_s)
    return ways[best_s.index(min(best_s))]


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
