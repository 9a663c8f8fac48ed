"""Where a character stands: a wave added to its embedding, or a turn of queries and keys.

T time, C hidden size, D head size.
"""

import math

import torch
from torch import Tensor

LONGEST_WAVE = 10_000.0


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


def rotary_turns(seq_length: int, head_size: int) -> Tensor:
    """Return the turn of each position as numbers on the unit circle, (T, D / 2, 2).

    The angles are those of the waves in `sinusoidal_positions`.
    Source: Su et al. 2021, "RoFormer", section 3.2.
    """
    waves = sinusoidal_positions(seq_length, head_size)
    return torch.stack([waves[:, 1::2], waves[:, 0::2]], dim=-1)


def rotate(qk: Tensor, turns: Tensor) -> Tensor:
    """Turn queries and keys by their positions, in fp32; each pair is a complex number.

    One complex product is about half the cost of the four real ones it stands for.

    Args:
        qk: (B, T, 2, H, D).
        turns: of these positions, (T, D / 2, 2).
    """
    pairs = torch.view_as_complex(qk.float().reshape(*qk.shape[:-1], -1, 2))  # (B, T, 2, H, D / 2)
    turned = pairs * torch.view_as_complex(turns)[:, None, None]
    return torch.view_as_real(turned).flatten(-2).type_as(qk)
