"""The model as it reads a text piece by piece: one id after the other, or a few at once.

It computes what `Transformer` does on the whole text, from the same weights, with as few
operations as there can be: at one id a pass, starting an operation costs as much as a
small one takes.

B batch, T time, R rows (B · T), C hidden size, H heads, D head size, V vocabulary.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lumina_cli.core.model.kv_cache import KVCache
from lumina_cli.core.model.positions import rotate
from lumina_cli.core.model.transformer import Layer, Transformer

WIDE = 8
"""Ids in a wide pass of one text. A packed product of 8 rows takes hardly longer than that of
one, for the weights have to be fetched either way; of 5 or 6 it takes longer than of 8."""

Linear = Callable[[Tensor], Tensor]
Norm = Callable[[Tensor], Tensor]
Attend = Callable[[int, Tensor], Tensor]
"""Of a layer and its queries, keys and values, (3, B, H, T, D): what is gathered, (B, H, T, D)."""


class _Maps(NamedTuple):
    """The four linear maps of a layer."""

    qkv: Linear
    out: Linear
    fc: Linear
    proj: Linear


class Decoder:
    """Reads on behind a cache.

    Args:
        model: in `eval()` mode; it is not copied.
        num_rows: passes over so many rows are worth preparing for, if it is not 0: on a CPU
            with MKL it keeps the weights a second time, in the form in which such a pass is
            fast.
    """

    def __init__(self, model: Transformer, *, num_rows: int = 0) -> None:
        self.model = model
        layers = [layer for layer in model.h if isinstance(layer, Layer)]
        self._norms = [(_norm(layer.ln_1), _norm(layer.ln_2)) for layer in layers]
        self._maps = [_maps(layer, _linear) for layer in layers]
        self._num_rows = num_rows if _is_packable(model) else 0
        packed = partial(_packed, num_rows=self._num_rows)
        self._wide_maps = [_maps(layer, packed) for layer in layers] if self._num_rows else []
        self._last_norm = _norm(model.ln_f)

    def hidden(self, idx: Tensor, *, cache: KVCache) -> Tensor:
        """Return what `lm_head` reads of the ids after those that the cache holds, (B, T, C).

        Args:
            idx: ids, (B, T).
            cache: takes up their keys and values.
        """
        T, start = idx.size(1), cache.length
        new, keys, values = cache.views(T)
        mask = _mask(T, start + T, like=keys[0]) if T > 1 and start else None
        is_causal = T > 1 and not start

        def attend(layer: int, qkv: Tensor) -> Tensor:
            new[layer].copy_(qkv[1:])
            return F.scaled_dot_product_attention(
                qkv[0], keys[layer], values[layer], attn_mask=mask, is_causal=is_causal
            )

        hidden = self._hidden(idx, slice(start, start + T), attend=attend)
        cache.advance(T)
        return hidden

    def hidden_at(self, idx: Tensor, where: Tensor, *, cache: KVCache) -> Tensor:
        """Return what `hidden` does, by the same operations whatever the positions are.

        Attention goes over the whole room of the cache, masked, and `cache.length` stays as it
        is: so a GPU can record these operations once and play them again.

        Args:
            idx: ids, (B, T).
            where: positions to read them at, (T,), on the device of the model.
            cache: holds what stands before them.
        """
        stored = cache.layers
        every = torch.arange(cache.capacity, device=where.device)
        mask = every <= where.unsqueeze(1)  # (T, T_all)

        def attend(layer: int, qkv: Tensor) -> Tensor:
            stored[layer].index_copy_(3, where, qkv[1:])
            keys, values = stored[layer].unbind(0)
            return F.scaled_dot_product_attention(qkv[0], keys, values, attn_mask=mask)

        return self._hidden(idx, where, attend=attend)

    def _hidden(self, idx: Tensor, where: Tensor | slice, *, attend: Attend) -> Tensor:
        config = self.model.config
        B, T = idx.shape
        C, H, D = config.hidden_size, config.num_heads, config.head_size
        x = F.embedding(idx, self.model.wte.weight).mul_(math.sqrt(C))  # (B, T, C)
        turns = None
        if config.positions == "rotary":
            turns = self.model.turns[where]
        else:
            x = x.add_(self.model.positions[where])
        x = x.view(B * T, C)
        maps = self._wide_maps if self._num_rows == B * T else self._maps
        for layer, (qkv_of, out_of, fc_of, proj_of) in enumerate(maps):
            norm_1, norm_2 = self._norms[layer]
            qkv = qkv_of(norm_1(x)).view(B, T, 3, H, D)
            if turns is not None:
                qkv = torch.cat([rotate(qkv[:, :, :2], turns), qkv[:, :, 2:]], dim=2)
            y = attend(layer, qkv.permute(2, 0, 3, 1, 4))  # (B, H, T, D)
            x = x + out_of(y.transpose(1, 2).reshape(B * T, C))
            x = x + proj_of(F.gelu(fc_of(norm_2(x)), approximate="tanh"))
        return self._last_norm(x).view(B, T, C)

    def logits(self, hidden: Tensor) -> Tensor:
        """Return logits, (..., V) in fp32, of hidden states (..., C)."""
        return F.linear(hidden, self.model.lm_head.weight).float()


def _norm(norm: nn.LayerNorm) -> Norm:
    shape, weight, bias, eps = norm.normalized_shape, norm.weight, norm.bias, norm.eps
    return lambda x: torch.layer_norm(x, shape, weight, bias, eps)


def _maps(layer: Layer, make: Callable[[nn.Module], Linear]) -> _Maps:
    attention, feed_forward = layer.attn, layer.mlp
    linear = (attention.c_attn, attention.c_proj, feed_forward.c_fc, feed_forward.c_proj)
    return _Maps(*map(make, linear))


def _linear(linear: nn.Module) -> Linear:
    """Return a linear map without the detours of calling a module."""
    if isinstance(linear, nn.Linear):
        return partial(F.linear, weight=linear.weight, bias=linear.bias)
    forward: Linear = linear.forward
    return forward


def _packed(linear: nn.Module, *, num_rows: int) -> Linear:
    """Return a linear map of exactly `num_rows` rows, its weights packed by MKL."""
    if not isinstance(linear, nn.Linear):
        return _linear(linear)
    weight, bias = linear.weight.detach(), linear.bias.detach()
    packed = torch.ops.mkl._mkl_reorder_linear_weight(weight, num_rows)
    multiply = torch.ops.mkl._mkl_linear
    return lambda x: multiply(x, packed, weight, bias, num_rows)


def _is_packable(model: Transformer) -> bool:
    weight = model.wte.weight
    is_plain = weight.device.type == "cpu" and weight.dtype == torch.float32
    return is_plain and hasattr(torch.ops.mkl, "_mkl_linear")


def _mask(num_new: int, num_all: int, *, like: Tensor) -> Tensor:
    """Return 0 where a new position may look and −inf where not, (T_new, T_all)."""
    never = like.new_full((num_new, num_all), -torch.inf)
    return never.triu_(num_all - num_new + 1)
