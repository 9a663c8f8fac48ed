"""The model as one ONNX graph, for prefill and for steps, with the names of transformers.

    input_ids (B, T), attention_mask (B, P + T), position_ids (B, T), int64
    past_key_values.N.key|value (B, H, P, D)
    → logits (B, T, V), present.N.key|value (B, H, P + T, D)

It computes what `Transformer.forward` does. `attention_mask` is 0 where a position is padding.
A rotary model's queries and keys have their numbers in another order than ours (the first of
each pair, then the second): their products are the same, and halves are quicker to rotate.

B batch, T time, P positions read before, C hidden size, H heads, D head size, V vocabulary.
"""

import math
from collections.abc import Mapping

import numpy as np
from onnx import TensorProto

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.rope import rotary_cos_sin, sinusoidal_positions
from lumina_cli.onnx.builder import GraphBuilder, Shape, of_type
from lumina_cli.onnx.onnx_graph import OnnxGraph
from lumina_cli.onnx.weights import Array, WeightsFormat

HIDDEN_FROM_VIEW = float(np.finfo(np.float32).min) / 2
"""Added to the score of what may not be looked at; not −inf, which makes NaN of padding."""

QKV = ("q", "k", "v")


def transformers_graph(
    state: Mapping[str, Array], config: ModelConfig, *, weights: WeightsFormat = "fp32"
) -> OnnxGraph:
    """Return the graph that transformers.js and onnxruntime's own tools expect.

    Args:
        state: the parameters by our names, in fp32.
        config: shape of the model.
        weights: what matrices are stored in; inputs and outputs are fp32 whatever they are.
    """
    return _TransformersGraph(state, config, weights=weights).build()


def scaled_embedding(state: Mapping[str, Array], config: ModelConfig) -> Array:
    """Return the embedding as it enters the first layer, (V, C)."""
    scaled: Array = state["wte.weight"] * np.float32(math.sqrt(config.hidden_size))
    return scaled


def sinusoidal_table(config: ModelConfig) -> Array:
    """Return what is added to each position's embedding, (seq_length, C)."""
    table: Array = sinusoidal_positions(config.seq_length, config.hidden_size).numpy()
    return table


def rotary_tables(config: ModelConfig) -> tuple[Array, Array]:
    """Return cosines and sines of each position's angles, (seq_length, D / 2) each."""
    cos_sin = rotary_cos_sin(config.seq_length, config.head_size).numpy()
    return cos_sin[..., 0], cos_sin[..., 1]


class _TransformersGraph:
    def __init__(
        self, state: Mapping[str, Array], config: ModelConfig, *, weights: WeightsFormat
    ) -> None:
        self._config = config
        self._is_rotary = config.position_encoding == "rotary"
        self._state = _with_halves(state, config) if self._is_rotary else state
        self._graph = GraphBuilder(self._state, weights=weights)

    def build(self) -> OnnxGraph:
        graph, config = self._graph, self._config
        table = scaled_embedding(self._state, config)
        x = graph.table("wte.weight", table, "input_ids", output="embedding")
        self._add_tables()
        if not self._is_rotary:
            x = graph.node("Add", [x, "positions"], name="embedding_at_positions")
        self._add_mask()
        for number in range(config.num_layers):
            x = self._layer(x, f"h.{number}", number)
        x = graph.layer_norm(x, "ln_f", name="ln_f")
        graph.linear(x, "lm_head", name="logits")
        return self._model()

    def _model(self) -> OnnxGraph:
        config = self._config
        past: Shape = ["batch", config.num_heads, "past", config.head_size]
        all_positions: Shape = ["batch", config.num_heads, "total", config.head_size]
        inputs = [
            of_type("input_ids", "int64", ["batch", "time"]),
            of_type("attention_mask", "int64", ["batch", "total"]),
            of_type("position_ids", "int64", ["batch", "time"]),
        ]
        outputs = [of_type("logits", "float", ["batch", "time", len(self._state["wte.weight"])])]
        for number in range(config.num_layers):
            for kind in ("key", "value"):
                inputs.append(of_type(f"past_key_values.{number}.{kind}", "float", past))
                outputs.append(of_type(f"present.{number}.{kind}", "float", all_positions))
        return self._graph.model(inputs, outputs)

    def _add_tables(self) -> None:
        """Look up what depends on positions alone, once for all layers."""
        graph = self._graph
        if not self._is_rotary:
            table = sinusoidal_table(self._config)
            graph.table("positions.table", table, "position_ids", output="positions")
            return
        for kind, table in zip(("cos", "sin"), rotary_tables(self._config), strict=True):
            rows = graph.tensor(f"{kind}.table", table)
            at = graph.node("Gather", [rows, "position_ids"], name=f"{kind}.at")  # (B, T, D / 2)
            graph.node("Unsqueeze", [at, graph.ints(1)], name=kind)

    def _add_mask(self) -> None:
        """Make a mask that is added to scores, (B, 1, T, P + T)."""
        graph = self._graph
        zero, one = (graph.tensor(f"int.{n}", np.array(n, np.int64)) for n in (0, 1))
        for axis, source in (("time", "input_ids"), ("total", "attention_mask")):
            shape = graph.node("Shape", [source], name=f"{source}.shape")
            graph.node("Gather", [shape, one], name=axis)
        graph.node("Sub", ["total", "time"], name="past")
        graph.node("Range", [zero, "total", one], name="keys")
        graph.node("Range", ["past", "total", one], name="queries")
        graph.node("Unsqueeze", ["queries", graph.ints(1)], name="queries.column")
        graph.node("LessOrEqual", ["keys", "queries.column"], name="is_before")
        graph.node("Cast", ["attention_mask"], name="is_text", to=TensorProto.BOOL)
        graph.node("Unsqueeze", ["is_text", graph.ints(1, 2)], name="is_text.of_keys")
        graph.node("And", ["is_before", "is_text.of_keys"], name="may_look")
        never = graph.tensor("hidden_from_view", np.array(HIDDEN_FROM_VIEW, np.float32))
        always = graph.tensor("in_view", np.array(0, np.float32))
        graph.node("Where", ["may_look", always, never], name="mask")

    def _layer(self, x: str, part: str, number: int) -> str:
        graph = self._graph
        normed = graph.layer_norm(x, f"{part}.ln_1", name=f"{part}.ln_1")
        y = self._attention(normed, f"{part}.attn", number)
        x = graph.node("Add", [x, y], name=f"{part}.after_attn")
        return graph.mlp(x, part)

    def _attention(self, x: str, part: str, number: int) -> str:
        graph, config = self._graph, self._config
        q, k, v = self._queries_keys_values(x, part)
        keys, values = (
            graph.node(
                "Concat",
                [f"past_key_values.{number}.{kind}", new],
                name=f"present.{number}.{kind}",
                axis=2,
            )
            for kind, new in (("key", k), ("value", v))
        )
        scale = graph.tensor("scale", np.array(1 / math.sqrt(config.head_size), np.float32))
        q = graph.node("Mul", [q, scale], name=f"{part}.q.scaled")
        keys = graph.node("Transpose", [keys], name=f"{part}.k.columns", perm=[0, 1, 3, 2])
        scores = graph.node("MatMul", [q, keys], name=f"{part}.scores")
        scores = graph.node("Add", [scores, "mask"], name=f"{part}.masked")
        probs = graph.node("Softmax", [scores], name=f"{part}.probs", axis=-1)
        y = graph.node("MatMul", [probs, values], name=f"{part}.by_head")
        y = graph.node("Transpose", [y], name=f"{part}.by_position", perm=[0, 2, 1, 3])
        y = graph.node("Reshape", [y, graph.ints(0, 0, config.hidden_size)], name=f"{part}.heads")
        return graph.linear(y, f"{part}.c_proj", name=f"{part}.c_proj")

    def _queries_keys_values(self, x: str, part: str) -> tuple[str, ...]:
        """Return the names of queries, keys and values, (B, H, T, D) each."""
        graph, config = self._graph, self._config
        qkv = graph.linear(x, f"{part}.c_attn", name=f"{part}.c_attn")
        shape = graph.ints(0, 0, 3, config.num_heads, config.head_size)
        qkv = graph.node("Reshape", [qkv, shape], name=f"{part}.qkv.split")
        qkv = graph.node("Transpose", [qkv], name=f"{part}.qkv", perm=[2, 0, 3, 1, 4])
        parts = [
            graph.node(
                "Gather",
                [qkv, graph.tensor(f"int.{number}", np.array(number, np.int64))],
                name=f"{part}.{kind}",
                axis=0,
            )
            for number, kind in enumerate(QKV)
        ]
        if self._is_rotary:
            parts[:2] = [self._rotated(each) for each in parts[:2]]
        return tuple(parts)

    def _rotated(self, x: str) -> str:
        """Rotate each pair of numbers, which stand in the two halves, by its position's angle."""
        graph = self._graph
        halves = [f"{x}.first", f"{x}.second"]
        graph.node("Split", [x], name=halves, axis=-1, num_outputs=2)
        terms = {
            (half, wave): graph.node("Mul", [half, wave], name=f"{half}.{wave}")
            for half in halves
            for wave in ("cos", "sin")
        }
        first, second = halves
        rotated = [
            graph.node("Sub", [terms[first, "cos"], terms[second, "sin"]], name=f"{first}.out"),
            graph.node("Add", [terms[first, "sin"], terms[second, "cos"]], name=f"{second}.out"),
        ]
        return graph.node("Concat", rotated, name=f"{x}.rotated", axis=-1)


def _with_halves(state: Mapping[str, Array], config: ModelConfig) -> dict[str, Array]:
    """Return the state with each head's queries and keys reordered: even numbers, then odd."""
    H, D = config.num_heads, config.head_size
    order = np.concatenate([np.arange(0, D, 2), np.arange(1, D, 2)])
    rows = np.arange(3 * H * D).reshape(3, H, D)
    rows[:2] = rows[:2, :, order]
    reordered = dict(state)
    for name in state:
        if ".attn.c_attn." in name:
            reordered[name] = state[name][rows.ravel()]
    return reordered
