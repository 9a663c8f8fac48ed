"""Where the numbers of rotary heads stand: beside each other here, in two halves elsewhere.

C hidden size, H heads, D head size.
"""

import torch
from torch import Tensor

from lumina_cli.core.model.config import ModelConfig


def split_qkv(c_attn: Tensor, config: ModelConfig) -> Tensor:
    """Return the rows of a query, key and value map (its weight or its bias), (3, H, D, …)."""
    return c_attn.reshape(3, config.num_heads, config.head_size, *c_attn.shape[1:])


def halves_instead_of_pairs(qkv: Tensor) -> Tensor:
    """Return queries and keys with the first numbers of all pairs before the second ones.

    Args:
        qkv: (3, H, D, …).
    """
    order = torch.cat([torch.arange(0, qkv.size(2), 2), torch.arange(1, qkv.size(2), 2)])
    return torch.cat([qkv[:2, :, order], qkv[2:]])
