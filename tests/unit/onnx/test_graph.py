import numpy as np
import pytest
import torch

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.core.seeding import make_generator

pytest.importorskip("onnx", reason="needs the extra [fast]")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra [fast]")

from lumina_cli.onnx.graph import transformers_graph  # noqa: E402
from lumina_cli.onnx.weights import dequantize, quantize  # noqa: E402

VOCAB_SIZE = 40
SHAPES = {
    "sinusoidal": ModelConfig(hidden_size=36, num_layers=2, num_heads=3, seq_length=24),
    "rotary": ModelConfig(
        hidden_size=32, num_layers=2, num_heads=4, seq_length=24, position_encoding="rotary"
    ),
}
shapes = pytest.mark.parametrize("config", SHAPES.values(), ids=SHAPES)


def model_of(config: ModelConfig) -> Transformer:
    generator = make_generator(3, "weights")
    model = build_model(config, vocab_size=VOCAB_SIZE, generator=generator).eval()
    for parameter in model.parameters():  # biases that are not 0
        torch.nn.init.normal_(parameter, std=0.3, generator=generator)
    return model


def state_of(model: Transformer) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in model.state_dict().items()}


def run(session, config: ModelConfig, ids, *, past=None, mask=None, positions=None):
    """Return the logits and keys and values by input name."""
    B, T = ids.shape
    empty = np.zeros((B, config.num_heads, 0, config.head_size), np.float32)
    names = [each.name for each in session.get_inputs() if each.name.startswith("past")]
    past = past or dict.fromkeys(names, empty)
    length = past[names[0]].shape[2]
    feeds = {
        "input_ids": ids,
        "attention_mask": np.ones((B, length + T), np.int64) if mask is None else mask,
        "position_ids": np.tile(np.arange(length, length + T), (B, 1))
        if positions is None
        else positions,
        **past,
    }
    logits, *present = session.run(None, feeds)
    return logits, dict(zip(names, present, strict=True))


def session_of(graph):
    return onnxruntime.InferenceSession(graph.serialized(), providers=["CPUExecutionProvider"])


def ids_of(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, VOCAB_SIZE, shape)


@torch.no_grad()
def logits_of(model: Transformer, ids: np.ndarray) -> np.ndarray:
    return model(torch.from_numpy(ids)).numpy()


@shapes
def test_a_whole_text_has_the_logits_of_the_model(config):
    model, ids = model_of(config), ids_of(3, 24)
    session = session_of(transformers_graph(state_of(model), config))
    logits, _ = run(session, config, ids)
    np.testing.assert_allclose(logits, logits_of(model, ids), atol=1e-4)


@shapes
def test_a_text_read_in_parts_has_the_logits_of_the_whole(config):
    model, ids = model_of(config), ids_of(2, 24)
    session = session_of(transformers_graph(state_of(model), config))
    parts, past = [], None
    for part in (ids[:, :7], ids[:, 7:8], ids[:, 8:9], ids[:, 9:]):
        logits, past = run(session, config, part, past=past)
        parts.append(logits)
    np.testing.assert_allclose(np.concatenate(parts, 1), logits_of(model, ids), atol=1e-4)


@shapes
def test_what_is_padded_before_a_text_changes_nothing(config):
    model, ids = model_of(config), ids_of(1, 9)
    session = session_of(transformers_graph(state_of(model), config))
    padded = np.concatenate([np.zeros((1, 4), np.int64), ids], axis=1)
    mask = np.array([[0] * 4 + [1] * 9])
    positions = np.array([[0] * 4 + list(range(9))])
    logits, _ = run(session, config, padded, mask=mask, positions=positions)
    np.testing.assert_allclose(logits[:, 4:], logits_of(model, ids), atol=1e-4)


@shapes
def test_weights_in_fp16_compute_what_a_model_rounded_to_fp16_does(config):
    model, ids = model_of(config), ids_of(2, 12)
    session = session_of(transformers_graph(state_of(model), config, weights="fp16"))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2 and parameter is not model.wte.weight:
                parameter.copy_(parameter.half().float())
        scale = config.hidden_size**0.5
        model.wte.weight.copy_((model.wte.weight * scale).half().float() / scale)
    logits, _ = run(session, config, ids)
    np.testing.assert_allclose(logits, logits_of(model, ids), atol=1e-4)


@shapes
def test_weights_in_int8_compute_nearly_what_the_rounded_model_does(config):
    model, ids = model_of(config), ids_of(2, 12)
    session = session_of(transformers_graph(state_of(model), config, weights="int8"))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 2 and name != "wte.weight":
                parameter.copy_(torch.from_numpy(dequantize(quantize(parameter.numpy()))))
    expected = logits_of(model, ids)
    logits, _ = run(session, config, ids)
    # What comes into each product is rounded as well.
    assert np.abs(logits - expected).max() < 0.05 * expected.std()


def test_half_the_bytes_in_fp16_and_a_third_at_most_in_int8():
    config = ModelConfig(hidden_size=128, num_layers=2, num_heads=4, seq_length=16)
    state = state_of(model_of(config))
    sizes = {
        weights: len(transformers_graph(state, config, weights=weights).serialized())
        for weights in ("fp32", "fp16", "int8")
    }
    assert sizes["fp16"] < 0.55 * sizes["fp32"]
    assert sizes["int8"] < 0.34 * sizes["fp32"]


def test_the_names_are_those_of_transformers():
    config = SHAPES["rotary"]
    graph = transformers_graph(state_of(model_of(config)), config).nodes.graph
    layers = [f"{number}.{kind}" for number in range(2) for kind in ("key", "value")]
    assert [each.name for each in graph.input] == [
        "input_ids",
        "attention_mask",
        "position_ids",
        *(f"past_key_values.{layer}" for layer in layers),
    ]
    assert [each.name for each in graph.output] == [
        "logits",
        *(f"present.{layer}" for layer in layers),
    ]
