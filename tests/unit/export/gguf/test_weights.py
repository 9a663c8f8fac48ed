"""That llama.cpp computes the same is shown in test_file.py; here the mapping stands alone."""

import math

import pytest
import torch

from lumina_cli.export.gguf.weights import architecture, gguf_weights
from lumina_cli.export.huggingface.weights import hf_weights
from tests.unit.export.tiny_exports import tiny_file


@pytest.mark.parametrize("position_encoding", ["sinusoidal", "rotary"])
def test_every_number_is_written_once(position_encoding: str) -> None:
    model = tiny_file(position_encoding=position_encoding).model
    weights = gguf_weights(model.state_dict(), model.config)
    table = 24 * 32 if position_encoding == "sinusoidal" else 0
    num_numbers = sum(parameter.numel() for parameter in model.parameters())
    assert sum(tensor.numel() for tensor in weights.values()) == num_numbers + table


def test_a_rotary_map_has_all_queries_then_all_keys_then_all_values() -> None:
    """GPT-NeoX in transformers has the same rows, but head by head."""
    model = tiny_file(position_encoding="rotary", num_heads=4).model
    state, config = model.state_dict(), model.config
    assert architecture(config) == "gptneox"
    ours = gguf_weights(state, config)["blk.1.attn_qkv.weight"].view(3, 4, 8, 32)
    name = "gpt_neox.layers.1.attention.query_key_value.weight"
    theirs = hf_weights(state, config)[name].view(4, 3, 8, 32)
    assert torch.equal(ours, theirs.transpose(0, 1))


def test_a_sinusoidal_model_is_gpt2_with_a_scaled_embedding() -> None:
    model = tiny_file().model
    state = model.state_dict()
    weights = gguf_weights(state, model.config)
    assert architecture(model.config) == "gpt2"
    assert torch.equal(weights["token_embd.weight"], state["wte.weight"] * math.sqrt(32))
    assert torch.equal(weights["blk.0.ffn_up.weight"], state["h.0.mlp.c_fc.weight"])
    assert weights["position_embd.weight"][1, 0] == pytest.approx(math.sin(1))
    assert weights["position_embd.weight"][1, 1] == pytest.approx(math.cos(1))
