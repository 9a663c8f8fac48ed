"""Position encodings: sinusoids added to the embedding, or rotary ones applied to queries and keys.

B batch, T time, C hidden size, H heads, D head size.
"""

import math

import torch
from torch import Tensor

THETA = 10_000.0


def sinusoidal_positions(seq_length: int, hidden_size: int) -> Tensor:
    """Return sines (even columns) and cosines (odd columns) of each position, (T, C).

    Source: Vaswani et al. 2017, section 3.5.
    """
    position = torch.arange(seq_length, dtype=torch.float64).unsqueeze(1)
    pair = torch.arange(0, hidden_size, 2, dtype=torch.float64)
    frequency = torch.exp(pair * (-math.log(THETA) / hidden_size))
    table = torch.empty(seq_length, hidden_size, dtype=torch.float64)
    table[:, 0::2] = torch.sin(position * frequency)
    table[:, 1::2] = torch.cos(position * frequency)
    return table.float()


def rotary_cos_sin(seq_length: int, head_size: int) -> Tensor:
    """Return cosine and sine of each position's angles, (T, D / 2, 2).

    The angles are those of the waves in `sinusoidal_positions`.
    Source: Su et al. 2021, "RoFormer", section 3.2.
    """
    waves = sinusoidal_positions(seq_length, head_size)
    return torch.stack([waves[:, 1::2], waves[:, 0::2]], dim=-1)


def apply_rotary_emb(x: Tensor, cos_sin: Tensor) -> Tensor:
    """Rotate each pair of neighbouring numbers by its position's angle, in fp32.

    A pair is a complex number: one such product takes half the time of the four real ones it
    stands for. Compilers write no code for complex numbers, so they get the real ones.

    Args:
        x: (B, T, N, H, D), N of queries, keys or both.
        cos_sin: of these positions, (T, D / 2, 2), or (B, T, D / 2, 2) where rows differ.
    """
    pairs = x.float().reshape(*x.shape[:-1], -1, 2)  # (B, T, N, H, D / 2, 2)
    cos_sin = cos_sin[..., None, None, :, :]
    if torch.compiler.is_compiling():
        even, odd = pairs.unbind(-1)
        cos, sin = cos_sin.unbind(-1)
        rotated = torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1)
    else:
        freqs_cis = torch.view_as_complex(cos_sin)
        rotated = torch.view_as_real(torch.view_as_complex(pairs) * freqs_cis)
    return rotated.flatten(-2).type_as(x)
