"""Weights in fewer bits on disk: matrices are rounded, vectors stay in fp32.

In int8 each row has a scale of its own, by which its largest number is 127.
Source: Dettmers et al. 2022, "LLM.int8()", section 2.1 (vector-wise quantization).
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

Rounding = Literal["fp16", "bf16", "int8"]
ROUNDINGS: tuple[Rounding, ...] = ("fp16", "bf16", "int8")

SCALE = ".scale"
"""Behind a matrix's name: the name of its scales, one for each row."""

_LARGEST = 127
_SMALLEST = 1e-20
_DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16, "int8": torch.int8}


def round_weights(weights: Mapping[str, Tensor], rounding: Rounding) -> dict[str, Tensor]:
    """Return weights as they are stored."""
    stored: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if weight.dim() < 2:
            stored[name] = weight
        elif rounding == "int8":
            scale = weight.abs().amax(dim=1).clamp_min(_SMALLEST) / _LARGEST
            stored[name] = (weight / scale.unsqueeze(1)).round().to(torch.int8)
            stored[name + SCALE] = scale
        else:
            stored[name] = weight.to(_DTYPES[rounding])
    return stored


def widen_weights(
    stored: Mapping[str, Tensor], rounding: Rounding, *, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Tensor]:
    """Return stored weights in fp32.

    Args:
        stored: by name.
        rounding: how they are stored.
        shapes: of the weights.

    Raises:
        ValueError: these are not the weights of these shapes, stored so.
    """
    scales = {n: (s[0],) for n, s in shapes.items() if len(s) > 1 and rounding == "int8"}
    if stored.keys() != shapes.keys() | {name + SCALE for name in scales}:
        raise ValueError("the names")
    weights: dict[str, Tensor] = {}
    for name, shape in shapes.items():
        tensor, dtype = stored[name], _DTYPES[rounding] if len(shape) > 1 else torch.float32
        if tensor.shape != shape or tensor.dtype != dtype:
            raise ValueError(name)
        weights[name] = tensor.float()
    for name, shape in scales.items():
        scale = stored[name + SCALE]
        if scale.shape != shape or scale.dtype != torch.float32:
            raise ValueError(name + SCALE)
        weights[name] *= scale.unsqueeze(1)
    return weights
