"""Rotary positions in one operation, where starting operations is what takes time.

B batch, T time, H heads, D head size.
"""

import torch
from torch import Tensor


def qkv_freqs_cis(cos_sin: Tensor) -> Tensor:
    """Return (T, D / 2, 2) as complex numbers for `rotate_in_place`, (T, 3, 1, D / 2).

    Values are multiplied by 1: one operation on all three is cheaper than two on parts.
    """
    freqs_cis = torch.view_as_complex(cos_sin)
    return torch.stack([freqs_cis, freqs_cis, torch.ones_like(freqs_cis)], dim=1).unsqueeze(2)


def rotate_in_place(qkv: Tensor, freqs_cis: Tensor) -> Tensor:
    """Rotate queries and keys, in place where they are in fp32.

    Args:
        qkv: (B, T, 3, H, D), contiguous; its own memory is given up.
        freqs_cis: of these positions, from `qkv_freqs_cis`.
    """
    in_fp32 = qkv.float()
    torch.view_as_complex(in_fp32.view(*in_fp32.shape[:-1], -1, 2)).mul_(freqs_cis)
    return in_fp32.type_as(qkv)
