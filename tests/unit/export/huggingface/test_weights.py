"""The weights do under their new names what they did: by a second form of each model."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from lumina_cli.export.huggingface.weights import hf_weights
from tests.unit.export.tiny_exports import tiny_file

Weights = dict[str, Tensor]


def attended(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention of one text, heads first, (H, T, D) each, as (T, C)."""
    T, D = q.shape[1:]
    scores = (q @ k.transpose(1, 2)) / D**0.5
    scores = scores.masked_fill(~torch.ones(T, T).tril().bool(), -torch.inf)
    return (scores.softmax(dim=-1) @ v).transpose(0, 1).reshape(T, -1)


def normed(x: Tensor, w: Weights, name: str) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"], eps=1e-5)


def gelu(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3)))


def gpt2(ids: Tensor, w: Weights, *, num_layers: int, num_heads: int) -> Tensor:
    """GPT-2: linear maps are x · W + b, W with a row for each input."""

    def mapped(x: Tensor, name: str) -> Tensor:
        return x @ w[f"{name}.weight"] + w[f"{name}.bias"]

    T = len(ids)
    x = w["transformer.wte.weight"][ids] + w["transformer.wpe.weight"][:T]
    for n in range(num_layers):
        layer = f"transformer.h.{n}"
        q, k, v = mapped(normed(x, w, f"{layer}.ln_1"), f"{layer}.attn.c_attn").chunk(3, dim=-1)
        heads = (each.view(T, num_heads, -1).transpose(0, 1) for each in (q, k, v))
        x = x + mapped(attended(*heads), f"{layer}.attn.c_proj")
        y = gelu(mapped(normed(x, w, f"{layer}.ln_2"), f"{layer}.mlp.c_fc"))
        x = x + mapped(y, f"{layer}.mlp.c_proj")
    return normed(x, w, "transformer.ln_f") @ w["lm_head.weight"].T


def gpt_neox(ids: Tensor, w: Weights, *, num_layers: int, num_heads: int) -> Tensor:
    """GPT-NeoX: queries, keys and values head by head; halves of a head are rotated."""

    def mapped(x: Tensor, name: str) -> Tensor:
        return F.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])

    def rotated(x: Tensor) -> Tensor:  # (H, T, D)
        half = x.size(-1) // 2
        frequencies = 10_000.0 ** -(torch.arange(half) / half)
        angles = torch.arange(x.size(1)).unsqueeze(1) * frequencies
        one, other = x[..., :half], x[..., half:]
        cos, sin = angles.cos(), angles.sin()
        return torch.cat([one * cos - other * sin, other * cos + one * sin], dim=-1)

    T = len(ids)
    x = w["gpt_neox.embed_in.weight"][ids]
    for n in range(num_layers):
        layer = f"gpt_neox.layers.{n}"
        qkv = mapped(normed(x, w, f"{layer}.input_layernorm"), f"{layer}.attention.query_key_value")
        q, k, v = qkv.view(T, num_heads, 3, -1).permute(2, 1, 0, 3)
        y = attended(rotated(q), rotated(k), v)
        x = x + mapped(y, f"{layer}.attention.dense")
        y = mapped(normed(x, w, f"{layer}.post_attention_layernorm"), f"{layer}.mlp.dense_h_to_4h")
        x = x + mapped(gelu(y), f"{layer}.mlp.dense_4h_to_h")
    return normed(x, w, "gpt_neox.final_layer_norm") @ w["embed_out.weight"].T


@pytest.mark.parametrize(
    ("position_encoding", "form"), [("sinusoidal", gpt2), ("rotary", gpt_neox)]
)
@torch.no_grad()
def test_the_weights_compute_the_same_logits(position_encoding: str, form: Any) -> None:
    model = tiny_file(position_encoding=position_encoding, num_heads=4).model
    ids = torch.randint(0, model.vocab_size, (24,), generator=torch.Generator().manual_seed(2))
    weights = hf_weights(model.state_dict(), model.config)
    logits = form(ids, weights, num_layers=2, num_heads=4)
    assert (logits - model(ids[None])[0]).abs().max() < 1e-4
    assert logits.std() > 0.5


@pytest.mark.parametrize("position_encoding", ["sinusoidal", "rotary"])
def test_every_number_is_written_once(position_encoding: str) -> None:
    model = tiny_file(position_encoding=position_encoding).model
    weights = hf_weights(model.state_dict(), model.config)
    table = 24 * 32 if position_encoding == "sinusoidal" else 0
    num_numbers = sum(parameter.numel() for parameter in model.parameters())
    assert sum(tensor.numel() for tensor in weights.values()) == num_numbers + table
