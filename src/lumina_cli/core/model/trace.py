"""The plain pass of one text with all that is on its way kept, and passes that differ from it.

It computes what `Transformer.forward` does, equal by test, from the same modules and with no
hook in them: so a text can be traced while others are generated.

B variants, L layers, T time, C hidden size, H heads, D head size, V vocabulary.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from lumina_cli.core.model.functional import split_heads
from lumina_cli.core.model.transformer import Block, Transformer


class Trace(NamedTuple):
    """One text on its way through a model.

    Attributes:
        residuals: what enters each layer, and what leaves the last, (L + 1, T, C).
        queries, keys, values: of each layer, (L, H, T, D) each.
    """

    residuals: Tensor
    queries: Tensor
    keys: Tensor
    values: Tensor


@torch.inference_mode()
def trace(model: Transformer, idx: Tensor) -> Trace:
    """Return what a model makes of a text.

    Args:
        model: in `eval()` mode, in fp32.
        idx: ids, (T,), at most the model's context.
    """
    assert not model.training, "tracing wants model.eval()"
    assert model.wte.weight.dtype == torch.float32, model.wte.weight.dtype
    x = embed(model, model.wte(idx), start=0).unsqueeze(0)  # (1, T, C)
    residuals, kept = [x], []
    for block in _blocks(model):
        q, k, v = _queries_keys_values(model, block, x, start=0)
        x = _leave(block, x, F.scaled_dot_product_attention(q, k, v, is_causal=True))
        residuals.append(x)
        kept.append((q, k, v))
    queries, keys, values = (torch.cat(each) for each in zip(*kept, strict=True))
    return Trace(torch.cat(residuals), queries, keys, values)


@torch.inference_mode()
def embed(model: Transformer, embeddings: Tensor, *, start: int) -> Tensor:
    """Return what enters the first layer, (…, T, C), of rows of `wte` from position `start` on."""
    x = embeddings * math.sqrt(model.config.hidden_size)
    if model.config.position_encoding == "rotary":
        return x
    return x + model.positions[start : start + x.size(-2)]


@torch.inference_mode()
def unembed(model: Transformer, residuals: Tensor) -> Tensor:
    """Return the logits that the head reads from any layer's residuals, (…, V)."""
    logits: Tensor = model.lm_head(model.ln_f(residuals))
    return logits


@torch.inference_mode()
def run_variants(
    model: Transformer,
    x: Tensor,
    *,
    traced: Trace,
    layer: int,
    start: int = 0,
    hidden: Tensor | None = None,
    on: Tensor | None = None,
) -> Tensor:
    """Return the logits behind the last position of variants of a text, (B, V).

    What is equal in all is taken from the trace: the layers before `layer`, and the keys and
    values of positions before `start`. Where all read the same in `layer`, queries, keys and
    values are computed once.

    Args:
        model: that of the trace.
        x: what enters `layer` at the positions from `start` on, (B, T', C), or (1, T', C) where it
            is the same in all.
        traced: of the text, as long as the variants or longer.
        layer: the first that is computed.
        start: the first position that differs.
        hidden: positions that no other one reads, (B, start + T').
        on: what each head's output is multiplied by, (B, L, H).

    Source: Geva et al. 2023, "Dissecting Recall of Factual Associations", section 4 (no reading
    of chosen positions); Michel et al. 2019, "Are Sixteen Heads Really Better than One?".
    """
    B, T = max(len(each) for each in (x, hidden, on) if each is not None), x.size(1)
    mask = torch.ones(1, 1, T, start + T, dtype=torch.bool, device=x.device).tril(start)
    if hidden is not None:
        itself = torch.eye(start + T, dtype=torch.bool, device=x.device)[start:]
        mask = mask & (itself | ~hidden[:, None, None, :])
    blocks = _blocks(model)
    for number in range(layer, len(blocks)):
        block = blocks[number]
        q, k, v = _queries_keys_values(model, block, x, start=start)
        k, v = (
            torch.cat([old[number, :, :start].expand(len(new), -1, -1, -1), new], dim=2)
            for old, new in ((traced.keys, k), (traced.values, v))
        )
        if number == len(blocks) - 1:  # nobody reads the other positions
            q, x, mask = q[:, :, -1:], x[:, -1:], mask[:, :, -1:]
        q, k, v = (each.expand(B, -1, -1, -1) for each in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        if on is not None:
            y = y * on[:, number, :, None, None]
        x = _leave(block, x, y)
    return unembed(model, x[:, -1])


@torch.inference_mode()
def attention_rows(traced: Trace, at: int) -> Tensor:
    """Return how much of each position every head takes at `at`, (L, H, at + 1)."""
    keys = traced.keys[:, :, : at + 1]
    scores = (keys @ traced.queries[:, :, at, :, None]).squeeze(-1)
    return (scores / math.sqrt(keys.size(-1))).softmax(dim=-1)


@torch.inference_mode()
def attention_maps(traced: Trace) -> Tensor:
    """Return how much of each position every head takes at each, (L, H, T, T)."""
    T, D = traced.keys.shape[2:]
    scores = traced.queries @ traced.keys.transpose(-1, -2) / math.sqrt(D)
    ahead = torch.ones(T, T, dtype=torch.bool, device=scores.device).triu(1)
    return scores.masked_fill(ahead, -math.inf).softmax(dim=-1)


def _blocks(model: Transformer) -> list[Block]:
    return [block for block in model.h if isinstance(block, Block)]


def _queries_keys_values(
    model: Transformer, block: Block, x: Tensor, *, start: int
) -> tuple[Tensor, Tensor, Tensor]:
    B, T, _ = x.shape
    H, D = model.config.num_heads, model.config.head_size
    qkv = block.attn.c_attn(block.ln_1(x)).view(B, T, 3, H, D)
    is_rotary = model.config.position_encoding == "rotary"
    return split_heads(qkv, model.cos_sin[start : start + T] if is_rotary else None)


def _leave(block: Block, x: Tensor, y: Tensor) -> Tensor:
    """Return what leaves a layer, of what enters it and what its heads gather, (B, H, T, D)."""
    x = x + block.attn.c_proj(y.transpose(1, 2).flatten(2))
    out: Tensor = x + block.mlp(block.ln_2(x))
    return out
