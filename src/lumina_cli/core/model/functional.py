"""The parts of the model that have no weights, in their plain form.

Some have a fast form in `kernels/`, equal to it by test; which one a model uses is one switch
(`kernels/interface.py`).

B batch, T time, C hidden size, H heads, D head size.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from lumina_cli.core.model.rope import apply_rotary_emb


def split_heads(qkv: Tensor, cos_sin: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Return queries, keys and values, (B, H, T, D) each.

    Args:
        qkv: (B, T, 3, H, D).
        cos_sin: of these positions, to rotate queries and keys by: see `rope`.
    """
    qk, v = qkv[:, :, :2], qkv[:, :, 2]
    if cos_sin is not None:
        qk = apply_rotary_emb(qk, cos_sin)
    q, k = qk.permute(2, 0, 3, 1, 4).unbind(0)
    return q, k, v.transpose(1, 2)


def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Return what each position gathers from itself and those before it, (B, H, T, D)."""
    return F.scaled_dot_product_attention(q, k, v, is_causal=q.size(2) > 1)


def gelu(x: Tensor) -> Tensor:
    """Return x · Φ(x) in its tanh form.

    Source: Hendrycks and Gimpel 2016, "Gaussian Error Linear Units", section 2.
    """
    return F.gelu(x, approximate="tanh")


def dropout(x: Tensor, *, rate: float) -> Tensor:
    """Return x with a share `rate` of its numbers set to zero, the others scaled up.

    Source: Srivastava et al. 2014, "Dropout".
    """
    return F.dropout(x, rate)


def residual_dropout(x: Tensor, y: Tensor, *, rate: float) -> Tensor:
    """Return x + dropout(y)."""
    return torch.add(x, F.dropout(y, rate))
