"""The model as it reads a text piece by piece: one id after the other, or a few at once.

It computes what `Transformer` does on the whole text, from the same weights, with as few
operations as there can be: at one id a pass, starting an operation costs as much as a
small one takes.

B batch, T time, R rows (B · T), C hidden size, H heads, D head size, V vocabulary.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lumina_cli.core.memory import none_on_oom
from lumina_cli.core.model.kernels.linear import Linear, fastest, plain
from lumina_cli.core.model.kv_cache import KVCache
from lumina_cli.core.model.rope import qkv_turns, turned
from lumina_cli.core.model.transformer import Block, Transformer

WIDE = 8
"""Ids in a wide pass of one text. It takes hardly longer than a pass over one, for the weights have
to be fetched either way; plain products of 5 or 6 rows take longer than packed ones of 8."""

Norm = Callable[[Tensor], Tensor]
Attend = Callable[[int, Tensor], Tensor]
"""Of a layer and its queries, keys and values, (3, B, H, T, D): what is gathered, (B, H, T, D)."""


_Maps = Sequence[Linear]
"""Those of a layer: to queries, keys and values, out of attention, into the GELU and out of it."""


class Decoder:
    """Reads on behind a cache.

    Args:
        model: in `eval()` mode; it is not copied, and its weights must stay where they are.
        rows: numbers of rows of a pass that are worth preparing for: on a CPU in fp32 the
            fastest products are found for each, and may keep the weights a second time. Where
            memory is too short for that, they remain the plain ones.
    """

    def __init__(self, model: Transformer, *, rows: Sequence[int] = ()) -> None:
        self.model = model
        layers = [layer for layer in model.h if isinstance(layer, Block)]
        self._norms = [(_norm(layer.ln_1), _norm(layer.ln_2)) for layer in layers]
        linears = [linear for layer in layers for linear in _linears(layer)]
        self._maps = _by_layer(map(plain, linears))
        found = none_on_oom(partial(fastest, linears, rows=rows)) or {}
        self._prepared = {num_rows: _by_layer(maps) for num_rows, maps in found.items()}
        self._last_norm = _norm(model.ln_f)
        # Asking a module for its weights takes a microsecond.
        self._embedding, self._head = model.wte.weight, model.lm_head.weight
        is_rotary = model.config.position_encoding == "rotary"
        self._turns = qkv_turns(model.turns) if is_rotary else None
        self._positions = None if is_rotary else model.positions

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
        x = F.embedding(idx, self._embedding).mul_(math.sqrt(C))  # (B, T, C)
        if self._positions is not None:
            x = x.add_(self._positions[where])
        turns = None if self._turns is None else self._turns[where]
        x = x.view(B * T, C)
        maps = self._prepared.get(B * T, self._maps)
        for layer, (qkv_of, out_of, fc_of, proj_of) in enumerate(maps):
            norm_1, norm_2 = self._norms[layer]
            qkv = qkv_of(norm_1(x)).view(B, T, 3, H, D)
            if turns is not None:
                qkv = turned(qkv, turns)
            y = attend(layer, qkv.permute(2, 0, 3, 1, 4))  # (B, H, T, D)
            x = x + out_of(y.transpose(1, 2).reshape(B * T, C))
            x = x + proj_of(F.gelu(fc_of(norm_2(x)), approximate="tanh"))
        return self._last_norm(x).view(B, T, C)

    def logits(self, hidden: Tensor) -> Tensor:
        """Return logits, (..., V) in fp32, of hidden states (..., C)."""
        return F.linear(hidden, self._head).float()


def _norm(norm: nn.LayerNorm) -> Norm:
    shape, weight, bias, eps = norm.normalized_shape, norm.weight, norm.bias, norm.eps
    return lambda x: torch.layer_norm(x, shape, weight, bias, eps)


def _linears(layer: Block) -> list[nn.Module]:
    attention, feed_forward = layer.attn, layer.mlp
    return [attention.c_attn, attention.c_proj, feed_forward.c_fc, feed_forward.c_proj]


def _by_layer(maps: Iterable[Linear]) -> list[_Maps]:
    """Return the maps of all layers, four by four."""
    every = iter(maps)
    return list(zip(every, every, every, every, strict=True))


def _mask(num_new: int, num_all: int, *, like: Tensor) -> Tensor:
    """Return 0 where a new position may look and −inf where not, (T_new, T_all)."""
    never = like.new_full((num_new, num_all), -torch.inf)
    return never.triu_(num_all - num_new + 1)
