"""The traced pass is the plain one, and passes that differ do so in what was asked alone.

B variants, L layers, T time, H heads.
"""

import copy
import math

import pytest
import torch
from torch import Tensor

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.trace import (
    attention_maps,
    attention_rows,
    embed,
    run_variants,
    trace,
    unembed,
)
from lumina_cli.core.model.transformer import Block, Transformer
from tests.unit.core.model.test_transformer import BOTH, ROTARY, SMALL, Reference, fresh, some_ids

T = 12


def plain_logits(model: Transformer, idx: Tensor) -> Tensor:
    with torch.inference_mode():
        return model(idx.unsqueeze(0))[0]


@BOTH
def test_the_traced_pass_equals_the_plain_one(config: ModelConfig) -> None:
    model, idx = fresh(config), some_ids(T)
    traced = trace(model, idx)
    torch.testing.assert_close(
        unembed(model, traced.residuals[-1]), plain_logits(model, idx), rtol=0, atol=1e-5
    )


@BOTH
def test_attention_sums_to_one_and_looks_at_nothing_ahead(config: ModelConfig) -> None:
    traced = trace(fresh(config), some_ids(T))
    maps = attention_maps(traced)
    assert maps.shape == (config.num_layers, config.num_heads, T, T)
    torch.testing.assert_close(maps.sum(dim=-1), torch.ones(maps.shape[:-1]))
    assert not maps.triu(1).any()
    for at in (0, 5, T - 1):
        torch.testing.assert_close(attention_rows(traced, at), maps[:, :, at, : at + 1])


def test_what_a_head_gathers_is_the_values_by_its_attention() -> None:
    """Against the layer itself: its output less its input, before the MLP."""
    model, idx = fresh(SMALL), some_ids(T)
    traced = trace(model, idx)
    gathered = (attention_maps(traced)[0] @ traced.values[0]).transpose(0, 1).reshape(1, T, -1)
    block = model.h[0]
    assert isinstance(block, Block)
    with torch.inference_mode():
        x = traced.residuals[:1]
        y = block.attn(block.ln_1(x), cos_sin=None, kernels=model.kernels, cache=None)
        torch.testing.assert_close(block.attn.c_proj(gathered), y, rtol=0, atol=1e-5)


@BOTH
@pytest.mark.parametrize(("layer", "start"), [(0, 0), (0, 7), (1, 0), (1, T - 1)])
def test_a_variant_in_which_nothing_differs_is_the_text(
    config: ModelConfig, layer: int, start: int
) -> None:
    model, idx = fresh(config), some_ids(T)
    traced = trace(model, idx)
    x = traced.residuals[layer, start:].expand(3, -1, -1)
    nothing = torch.zeros(3, T, dtype=torch.bool)
    on = torch.ones(3, config.num_layers, config.num_heads)
    logits = run_variants(model, x, traced=traced, layer=layer, start=start, hidden=nothing, on=on)
    expected = plain_logits(model, idx)[-1].expand(3, -1)
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)


def test_an_embedding_that_differs_is_a_text_that_differs() -> None:
    model, idx = fresh(ROTARY), some_ids(T)
    other = idx.clone()
    other[9] = (idx[9] + 1) % 40
    with torch.inference_mode():
        x = embed(model, model.wte(other[9:]), start=9).unsqueeze(0)
    logits = run_variants(model, x, traced=trace(model, idx), layer=0, start=9)
    torch.testing.assert_close(logits[0], plain_logits(model, other)[-1], rtol=0, atol=1e-5)


@BOTH
@pytest.mark.parametrize("layer", [0, 1])
def test_a_head_off_is_its_columns_of_the_projection_at_zero(
    config: ModelConfig, layer: int
) -> None:
    model, idx, head = fresh(config), some_ids(T), 2
    cut = copy.deepcopy(model)
    block = cut.h[layer]
    assert isinstance(block, Block)
    with torch.no_grad():
        block.attn.c_proj.weight[:, head * config.head_size : (head + 1) * config.head_size] = 0
    on = torch.ones(1, config.num_layers, config.num_heads)
    on[0, layer, head] = 0
    traced = trace(model, idx)
    logits = run_variants(model, traced.residuals[None, layer], traced=traced, layer=layer, on=on)
    torch.testing.assert_close(logits[0], plain_logits(cut, idx)[-1], rtol=0, atol=1e-5)


def test_a_hidden_position_is_one_that_torchs_own_encoder_may_not_attend_to() -> None:
    model, idx, hidden_at = fresh(SMALL), some_ids(T), 4
    reference = Reference(model)
    mask = torch.full((T, T), -math.inf).triu(1)
    mask[hidden_at + 1 :, hidden_at] = -math.inf
    hidden = torch.arange(T)[None] == hidden_at
    traced = trace(model, idx)
    with torch.inference_mode():
        x = embed(model, model.wte(idx), start=0).unsqueeze(0)
        expected = reference.encoder(x, mask=mask)[0, -1] @ reference.lm_head.T
    for start in (0, hidden_at):
        part = traced.residuals[None, 0, start:]
        logits = run_variants(model, part, traced=traced, layer=0, start=start, hidden=hidden)
        torch.testing.assert_close(logits[0], expected, rtol=0, atol=1e-5)


@BOTH
def test_variants_of_one_text_are_what_each_is_alone(config: ModelConfig) -> None:
    """What enters the first layer is given once for all."""
    model, idx = fresh(config), some_ids(T)
    traced = trace(model, idx)
    x, hidden = traced.residuals[None, 0, 3:], torch.eye(T, dtype=torch.bool)[2:6]
    together = run_variants(model, x, traced=traced, layer=0, start=3, hidden=hidden)
    for number, each in enumerate(hidden):
        whole = traced.residuals[None, 0]
        alone = run_variants(model, whole, traced=traced, layer=0, hidden=each[None])
        torch.testing.assert_close(together[number], alone[0], rtol=0, atol=1e-5)


def test_a_model_in_training_or_in_another_precision_is_not_traced() -> None:
    model = fresh(SMALL)
    with pytest.raises(AssertionError, match="eval"):
        trace(model.train(), some_ids(T))
    with pytest.raises(AssertionError, match="bfloat16"):
        trace(model.eval().to(torch.bfloat16), some_ids(T))
