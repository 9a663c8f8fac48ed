"""The model's weights under the names, and in the order, that transformers has for them.

With sinusoidal positions a model is a GPT-2 whose position table isn't learnt, with rotary ones
a GPT-NeoX without parallel residuals.

C hidden size, H heads, D head size.
"""

import math
from collections.abc import Mapping

from torch import Tensor

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.rope import sinusoidal_positions
from lumina_cli.export.rotary_order import halves_instead_of_pairs, split_qkv

State = Mapping[str, Tensor]

_NEOX_LAYER = {
    "ln_1": "input_layernorm",
    "attn.c_attn": "attention.query_key_value",
    "attn.c_proj": "attention.dense",
    "ln_2": "post_attention_layernorm",
    "mlp.c_fc": "mlp.dense_h_to_4h",
    "mlp.c_proj": "mlp.dense_4h_to_h",
}


def hf_weights(state: State, config: ModelConfig) -> dict[str, Tensor]:
    """Return the weights for transformers, in fp32."""
    is_rotary = config.position_encoding == "rotary"
    return _gpt_neox(state, config) if is_rotary else _gpt2(state, config)


def _gpt2(state: State, config: ModelConfig) -> dict[str, Tensor]:
    """GPT-2's linear maps lie transposed (`Conv1D`), and it doesn't scale its embedding."""
    positions = sinusoidal_positions(config.seq_length, config.hidden_size)
    weights = {"lm_head.weight": state["lm_head.weight"], "transformer.wpe.weight": positions}
    for name, tensor in state.items():
        if name.startswith("h.") and tensor.dim() == 2:
            weights[f"transformer.{name}"] = tensor.t().contiguous()
        elif name == "wte.weight":
            weights[f"transformer.{name}"] = _scaled(tensor)
        elif name != "lm_head.weight":
            weights[f"transformer.{name}"] = tensor
    return weights


def _gpt_neox(state: State, config: ModelConfig) -> dict[str, Tensor]:
    weights = {
        "gpt_neox.embed_in.weight": _scaled(state["wte.weight"]),
        "embed_out.weight": state["lm_head.weight"],
        "gpt_neox.final_layer_norm.weight": state["ln_f.weight"],
        "gpt_neox.final_layer_norm.bias": state["ln_f.bias"],
    }
    for number in range(config.num_layers):
        for ours, theirs in _NEOX_LAYER.items():
            for part in ("weight", "bias"):
                tensor = state[f"h.{number}.{ours}.{part}"]
                name = f"gpt_neox.layers.{number}.{theirs}.{part}"
                weights[name] = _head_by_head(tensor, config) if ours == "attn.c_attn" else tensor
    return weights


def _head_by_head(c_attn: Tensor, config: ModelConfig) -> Tensor:
    """Return the rows of a query, key and value map as GPT-NeoX stacks them, (H · 3 · D, …)."""
    qkv = halves_instead_of_pairs(split_qkv(c_attn, config))  # (3, H, D, …)
    return qkv.transpose(0, 1).reshape(c_attn.shape)


def _scaled(embedding: Tensor) -> Tensor:
    return embedding * math.sqrt(embedding.size(1))
