"""The model's shape as `config.json`, and how it is sampled as `generation_config.json`."""

from collections.abc import Mapping
from typing import Literal

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.rope import THETA
from lumina_cli.tokenizer.special_ids import Special

TorchDtype = Literal["float32", "float16", "bfloat16"]

_IDS = {
    "bos_token_id": int(Special.BEGIN),
    "eos_token_id": int(Special.END),
    "pad_token_id": int(Special.PAD),
}


def model_config(config: ModelConfig, *, vocab_size: int, dtype: TorchDtype) -> dict[str, object]:
    """Return what `config.json` holds.

    It names the data type twice: transformers 5 reads `dtype`, older ones `torch_dtype`.
    """
    shape = _gpt_neox(config) if config.position_encoding == "rotary" else _gpt2(config)
    same = {
        "vocab_size": vocab_size,
        "tie_word_embeddings": False,
        "use_cache": True,
        "dtype": dtype,
        "torch_dtype": dtype,
    }
    return {**shape, **same, **_IDS}


def generation_config(sampling: Mapping[str, object], *, seq_length: int) -> dict[str, object]:
    """Return what `generation_config.json` holds: the sampler that the model file names.

    Beam search is greedy there: with it, transformers needs the number of beams alone.
    """
    known = SamplingConfig.model_validate(
        {name: value for name, value in sampling.items() if name in SamplingConfig.model_fields}
    )
    return {**_IDS, "max_length": seq_length, **_sampler(known)}


def _sampler(sampling: SamplingConfig) -> dict[str, object]:
    if sampling.sampler == "beam":
        return {"do_sample": False, "num_beams": sampling.num_beams}
    if sampling.sampler == "greedy" or not sampling.temperature:
        return {"do_sample": False}
    drawn: dict[str, object] = {"do_sample": True, "temperature": sampling.temperature, "top_k": 0}
    match sampling.sampler:
        case "top-k":
            drawn["top_k"] = sampling.top_k
        case "nucleus":
            drawn["top_p"] = sampling.top_p
        case "min-p":
            drawn["min_p"] = sampling.min_p
    if sampling.repetition_penalty != 1:
        drawn["repetition_penalty"] = sampling.repetition_penalty
    return drawn


def _gpt2(config: ModelConfig) -> dict[str, object]:
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "n_embd": config.hidden_size,
        "n_layer": config.num_layers,
        "n_head": config.num_heads,
        "n_inner": config.feedforward_size,
        "n_positions": config.seq_length,
        "n_ctx": config.seq_length,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        "resid_pdrop": config.dropout,
        "embd_pdrop": config.dropout,
        "attn_pdrop": 0.0,
    }


def _gpt_neox(config: ModelConfig) -> dict[str, object]:
    """The rotary part is told in both ways: older versions of transformers read the second."""
    return {
        "architectures": ["GPTNeoXForCausalLM"],
        "model_type": "gpt_neox",
        "hidden_size": config.hidden_size,
        "num_hidden_layers": config.num_layers,
        "num_attention_heads": config.num_heads,
        "intermediate_size": config.feedforward_size,
        "max_position_embeddings": config.seq_length,
        "hidden_act": "gelu_new",
        "layer_norm_eps": 1e-5,
        "use_parallel_residual": False,
        "attention_bias": True,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": THETA,
            "partial_rotary_factor": 1.0,
        },
        "rotary_pct": 1.0,
        "rotary_emb_base": int(THETA),
        "hidden_dropout": config.dropout,
        "attention_dropout": 0.0,
    }
