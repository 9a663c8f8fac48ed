import pytest

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.export.huggingface.config import generation_config, model_config


def shape(position_encoding: str) -> dict[str, object]:
    config = ModelConfig(
        hidden_size=64,
        num_layers=3,
        num_heads=4,
        seq_length=32,
        position_encoding=position_encoding,  # type: ignore[arg-type]
    )
    return model_config(config, vocab_size=300, dtype="float16")


def test_sinusoidal_models_are_gpt2() -> None:
    told = shape("sinusoidal")
    assert told["architectures"] == ["GPT2LMHeadModel"]
    assert (told["n_embd"], told["n_layer"], told["n_head"]) == (64, 3, 4)
    assert (told["n_positions"], told["n_inner"], told["vocab_size"]) == (32, 256, 300)
    assert told["tie_word_embeddings"] is False


def test_rotary_models_are_gpt_neox_whose_whole_heads_turn() -> None:
    told = shape("rotary")
    assert told["architectures"] == ["GPTNeoXForCausalLM"]
    assert told["use_parallel_residual"] is False
    assert told["rotary_pct"] == told["rope_parameters"]["partial_rotary_factor"] == 1.0  # type: ignore[index]
    assert told["rotary_emb_base"] == told["rope_parameters"]["rope_theta"] == 10_000  # type: ignore[index]


def test_special_ids_and_data_type_are_told() -> None:
    told = shape("rotary")
    assert (told["pad_token_id"], told["bos_token_id"], told["eos_token_id"]) == (0, 1, 5)
    assert told["dtype"] == told["torch_dtype"] == "float16"


@pytest.mark.parametrize(
    ("sampling", "told"),
    [
        ({"sampler": "greedy"}, {"do_sample": False}),
        ({"temperature": 0}, {"do_sample": False}),
        ({"sampler": "beam", "num_beams": 3}, {"do_sample": False, "num_beams": 3}),
        (
            {"sampler": "top-k", "top_k": 7, "temperature": 0.5},
            {"do_sample": True, "temperature": 0.5, "top_k": 7},
        ),
        ({}, {"do_sample": True, "temperature": 0.8, "top_k": 0, "top_p": 0.9}),
        (
            {"sampler": "min-p", "min_p": 0.1, "repetition_penalty": 1.2, "of_tomorrow": 1},
            {
                "do_sample": True,
                "temperature": 0.8,
                "top_k": 0,
                "min_p": 0.1,
                "repetition_penalty": 1.2,
            },
        ),
    ],
)
def test_the_sampler_of_the_model_goes_with_it(
    sampling: dict[str, object], told: dict[str, object]
) -> None:
    ids = {"bos_token_id": 1, "eos_token_id": 5, "pad_token_id": 0}
    assert generation_config(sampling, seq_length=32) == {**ids, "max_length": 32, **told}
