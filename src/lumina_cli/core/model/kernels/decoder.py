"""The pass of the model behind a cache, with as few operations as there can be.

It computes what `Transformer.hidden` does, from the same weights: at one id a pass, calling a
module or starting an operation costs as much as a small one takes.

B batch, T time, R rows (B · T), C hidden size, H heads, D head size.
"""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lumina_cli.core.model.kernels.rope import qkv_freqs_cis, rotate_in_place
from lumina_cli.core.model.kv_cache import CacheWindow
from lumina_cli.core.model.transformer import Block, Transformer

Hidden = Callable[[Tensor, CacheWindow], Tensor]
"""From ids (B, T) and where they stand to what `lm_head` reads of them, (B, T, C)."""

Norm = Callable[[Tensor], Tensor]

Linear = Callable[[Tensor], Tensor]
"""From (R, I) inputs to (R, O) outputs."""

LEAST_WEIGHTS = 1 << 16
"""Of a matrix: a smaller one lies in the cache, and is multiplied before threads have begun."""

NUM_PARTS = 8
"""More than there are threads on a small machine, as many as fetch all that memory gives."""


def hidden_of(model: Transformer) -> Hidden:
    """Return the pass by which a model in `eval()` mode reads on behind a cache."""
    if model.kernels.is_fast:
        return Decoder(model).hidden
    return lambda idx, cache: model.hidden(idx, cache=cache)


class Decoder:
    """Reads on behind a cache.

    Args:
        model: in `eval()` mode; it is not copied, and its weights must stay where they are.
    """

    def __init__(self, model: Transformer) -> None:
        config = model.config
        self._shape = (config.num_heads, config.head_size)
        self._scale = math.sqrt(config.hidden_size)
        blocks = [block for block in model.h if isinstance(block, Block)]
        self._norms = [(_norm(block.ln_1), _norm(block.ln_2)) for block in blocks]
        self._linears = [tuple(map(_linear, _linears(block))) for block in blocks]
        self._of_one_row = [tuple(map(_linear_of_one_row, _linears(block))) for block in blocks]
        self._last_norm = _norm(model.ln_f)
        # Asking a module for its weights takes a microsecond.
        self._embedding = model.wte.weight
        is_rotary = config.position_encoding == "rotary"
        self._freqs_cis = qkv_freqs_cis(model.cos_sin) if is_rotary else None
        self._positions = None if is_rotary else model.positions

    def hidden(self, idx: Tensor, cache: CacheWindow) -> Tensor:
        """Do what `Transformer.hidden` does."""
        H, D = self._shape
        B, T = idx.shape
        C = H * D
        where, mask, is_causal = cache.positions, cache.mask, cache.is_causal
        x = F.embedding(idx, self._embedding).mul_(self._scale)  # (B, T, C)
        if self._positions is not None:
            x = x.add_(self._positions[where])
        freqs_cis = None if self._freqs_cis is None else self._freqs_cis[where]
        x = x.view(B * T, C)
        linears = self._of_one_row if len(x) == 1 else self._linears
        for layer, (qkv_of, out_of, fc_of, proj_of) in enumerate(linears):
            norm_1, norm_2 = self._norms[layer]
            qkv = qkv_of(norm_1(x)).view(B, T, 3, H, D)
            if freqs_cis is not None:
                qkv = rotate_in_place(qkv, freqs_cis)
            qkv = qkv.permute(2, 0, 3, 1, 4)  # (3, B, H, T, D)
            keys, values = cache.update(layer, qkv[1:])
            y = F.scaled_dot_product_attention(
                qkv[0], keys, values, attn_mask=mask, is_causal=is_causal
            )
            x = x + out_of(y.transpose(1, 2).reshape(B * T, C))
            x = x + proj_of(F.gelu(fc_of(norm_2(x)), approximate="tanh"))
        return self._last_norm(x).view(B, T, C)


def _norm(norm: nn.LayerNorm) -> Norm:
    shape, weight, bias, eps = norm.normalized_shape, norm.weight, norm.bias, norm.eps
    return lambda x: torch.layer_norm(x, shape, weight, bias, eps)


def _linears(block: Block) -> Iterable[nn.Module]:
    return block.attn.c_attn, block.attn.c_proj, block.mlp.c_fc, block.mlp.c_proj


def _linear(linear: nn.Module) -> Linear:
    """Return a linear map without the detours of calling a module."""
    if isinstance(linear, nn.Linear):
        bias, weight = linear.bias.detach(), linear.weight.detach().t()
        return lambda x: torch.addmm(bias, x, weight)
    forward: Linear = linear.forward
    return forward


def _linear_of_one_row(linear: nn.Module) -> Linear:
    """Return the map of exactly one row: as a batch of products, which threads share.

    A plain product of one row fetches its matrix with one thread. Nothing is copied.
    """
    if not (isinstance(linear, nn.Linear) and _is_fetched(linear.weight)):
        return _linear(linear)
    num_parts = math.gcd(linear.out_features, NUM_PARTS)
    weight = torch.unflatten(linear.weight.detach(), 0, (num_parts, -1)).mT  # (parts, I, O / parts)
    bias = linear.bias.detach().view(num_parts, 1, -1)
    return lambda x: torch.baddbmm(bias, x.expand(num_parts, -1, -1), weight).view(1, -1)


def _is_fetched(weight: Tensor) -> bool:
    """Whether fetching a matrix from memory is what its product with one row takes."""
    is_large = weight.numel() >= LEAST_WEIGHTS
    return is_large and weight.device.type == "cpu" and weight.dtype == torch.float32
