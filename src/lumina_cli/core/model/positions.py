"""Where a character stands: a wave added to its embedding, or a turn of queries and keys.

T time, C hidden size, D head size.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

LONGEST_WAVE = 10_000.0


class Turns(NamedTuple):
    """Cosines and sines of the angle by which each pair of numbers is turned, (T, D / 2)."""

    cosines: Tensor
    sines: Tensor


def sinusoidal_positions(seq_length: int, hidden_size: int) -> Tensor:
    """Return sines (even columns) and cosines (odd columns) of each position, (T, C).

    Source: Vaswani et al. 2017, section 3.5.
    """
    position = torch.arange(seq_length, dtype=torch.float64).unsqueeze(1)
    pair = torch.arange(0, hidden_size, 2, dtype=torch.float64)
    frequency = torch.exp(pair * (-math.log(LONGEST_WAVE) / hidden_size))
    table = torch.empty(seq_length, hidden_size, dtype=torch.float64)
    table[:, 0::2] = torch.sin(position * frequency)
    table[:, 1::2] = torch.cos(position * frequency)
    return table.float()


def rotary_turns(seq_length: int, head_size: int) -> Turns:
    """Return the turns of each position: the waves of `sinusoidal_positions` as angles.

    Source: Su et al. 2021, "RoFormer", section 3.2.
    """
    waves = sinusoidal_positions(seq_length, head_size)
    return Turns(cosines=waves[:, 1::2].contiguous(), sines=waves[:, 0::2].contiguous())


def rotate(x: Tensor, turns: Turns) -> Tensor:
    """Turn queries or keys (B, H, T, D) by their positions: number i together with i + D / 2."""
    first, second = x.chunk(2, dim=-1)
    cosines, sines = turns
    return torch.cat((first * cosines - second * sines, second * cosines + first * sines), dim=-1)
