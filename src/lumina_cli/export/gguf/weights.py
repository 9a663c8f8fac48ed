"""The model's weights under the names that llama.cpp has for them.

With sinusoidal positions a model is a `gpt2` whose position table isn't learnt, with rotary ones a
`gptneox` without parallel residuals. Matrices lie as they do here, a row for each output.
"""

import math
from collections.abc import Mapping

from torch import Tensor

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.rope import sinusoidal_positions
from lumina_cli.export.rotary_order import halves_instead_of_pairs, split_qkv

POSITIONS = "position_embd.weight"

_OUTSIDE = {
    "ln_f.weight": "output_norm.weight",
    "ln_f.bias": "output_norm.bias",
    "lm_head.weight": "output.weight",
}
_LAYER = {
    "ln_1": "attn_norm",
    "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output",
    "ln_2": "ffn_norm",
    "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down",
}


def architecture(config: ModelConfig) -> str:
    """Return what llama.cpp calls a model of this shape."""
    return "gptneox" if config.position_encoding == "rotary" else "gpt2"


def gguf_weights(state: Mapping[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """Return the weights for llama.cpp, in fp32."""
    is_rotary = config.position_encoding == "rotary"
    embedding = state["wte.weight"] * math.sqrt(config.hidden_size)
    weights = {"token_embd.weight": embedding}
    if not is_rotary:
        weights[POSITIONS] = sinusoidal_positions(config.seq_length, config.hidden_size)
    weights |= {theirs: state[ours] for ours, theirs in _OUTSIDE.items()}
    for number in range(config.num_layers):
        for ours, theirs in _LAYER.items():
            for part in ("weight", "bias"):
                tensor = state[f"h.{number}.{ours}.{part}"]
                if is_rotary and ours == "attn.c_attn":
                    qkv = halves_instead_of_pairs(split_qkv(tensor, config))
                    tensor = qkv.reshape(tensor.shape)
                weights[f"blk.{number}.{theirs}.{part}"] = tensor
    return weights
