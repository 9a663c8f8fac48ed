"""The model as an ONNX graph that reads on behind a cache of fixed size, which it writes to.

    input_ids, position_ids (B, T), rows (N), int64
    seqlens_k (B), total_sequence_length (), int32
    past.N.key|value (B, H, seq_length, D)
    → logits (N, V), present.N.key|value, in the same memory as past

`seqlens_k` is the last position of each text; `rows` tells of which of the B · T positions the
logits are wanted. Keys and values don't move: GroupQueryAttention takes one row's at a time.
Between attentions all positions are rows of one matrix, (B · T, C): so a product takes the
model's weights as they lie, and they are not held twice.

B batch, T time, C hidden size, H heads, D head size, V vocabulary.
"""

import math
from collections.abc import Mapping

import numpy as np

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.onnx.builder import CONTRIB, GraphBuilder, Shape, of_type
from lumina_cli.onnx.graph import rotary_tables, sinusoidal_table
from lumina_cli.onnx.onnx_graph import OnnxGraph
from lumina_cli.onnx.weights import Array, WeightsFormat

KINDS = ("key", "value")


def engine_graph(
    state: Mapping[str, Array], config: ModelConfig, *, weights: WeightsFormat = "fp32"
) -> OnnxGraph:
    """Return the graph that `OnnxBackend` runs.

    Args:
        state: the parameters by our names, in fp32.
        config: shape of the model.
        weights: what matrices are stored in.
    """
    return _EngineGraph(state, config, weights=weights).build()


def padded_head_size(config: ModelConfig) -> int:
    """Return the size of a head in the cache: GroupQueryAttention wants a round one."""
    unit = 16 if config.position_encoding == "rotary" else 8
    return -(-config.head_size // unit) * unit


class _EngineGraph:
    def __init__(
        self, state: Mapping[str, Array], config: ModelConfig, *, weights: WeightsFormat
    ) -> None:
        self._config = config
        self._is_rotary = config.position_encoding == "rotary"
        self._state = _with_padded_heads(state, config)
        self._graph = GraphBuilder(self._state, weights=weights, is_flat=True)

    def build(self) -> OnnxGraph:
        graph, config = self._graph, self._config
        x = graph.table("wte.weight", self._state["wte.weight"], "input_ids", output="embedding")
        scale = np.array(math.sqrt(config.hidden_size), np.float32)
        x = graph.node("Mul", [x, graph.tensor("scale", scale)], name="embedding.scaled")
        if not self._is_rotary:
            table = sinusoidal_table(config)
            graph.table("positions.table", table, "position_ids", output="positions")
            x = graph.node("Add", [x, "positions"], name="embedding_at_positions")
        x = graph.node("Reshape", [x, graph.ints(-1, config.hidden_size)], name="flat")
        shape = graph.node("Shape", ["input_ids"], name="batch_and_time")
        graph.node("Concat", [shape, graph.ints(-1)], name="by_text", axis=0)
        for number in range(config.num_layers):
            x = self._layer(x, f"h.{number}", number)
        x = graph.layer_norm(x, "ln_f", name="ln_f")
        x = graph.node("Gather", [x, "rows"], name="of_rows")
        graph.linear(x, "lm_head", name="logits")
        return self._model()

    def _model(self) -> OnnxGraph:
        config = self._config
        cache: Shape = ["batch", config.num_heads, config.seq_length, padded_head_size(config)]
        inputs = [
            of_type("input_ids", "int64", ["batch", "time"]),
            of_type("position_ids", "int64", ["batch", "time"]),
            of_type("rows", "int64", ["rows"]),
            of_type("seqlens_k", "int32", ["batch"]),
            of_type("total_sequence_length", "int32", []),
        ]
        outputs = [of_type("logits", "float", ["rows", len(self._state["wte.weight"])])]
        for number in range(config.num_layers):
            for kind in KINDS:
                inputs.append(of_type(f"past.{number}.{kind}", "float", cache))
                outputs.append(of_type(f"present.{number}.{kind}", "float", cache))
        return self._graph.model(inputs, outputs)

    def _layer(self, x: str, part: str, number: int) -> str:
        graph = self._graph
        y = graph.layer_norm(x, f"{part}.ln_1", name=f"{part}.ln_1")
        y = graph.linear(y, f"{part}.attn.c_attn", name=f"{part}.attn.c_attn")
        y = self._attention(y, f"{part}.attn", number)
        y = graph.linear(y, f"{part}.attn.c_proj", name=f"{part}.attn.c_proj")
        x = graph.node("Add", [x, y], name=f"{part}.after_attn")
        return graph.mlp(x, part)

    def _attention(self, qkv: str, part: str, number: int) -> str:
        graph, config = self._graph, self._config
        past = [f"past.{number}.{kind}" for kind in KINDS]
        qkv = graph.node("Reshape", [qkv, "by_text"], name=f"{part}.qkv")
        inputs = [qkv, "", "", *past, "seqlens_k", "total_sequence_length"]
        if self._is_rotary:
            inputs += self._rotary_tables()
        heads = graph.node(
            "GroupQueryAttention",
            inputs,
            name=[f"{part}.heads", *(f"present.{number}.{kind}" for kind in KINDS)],
            domain=CONTRIB,
            num_heads=config.num_heads,
            kv_num_heads=config.num_heads,
            scale=1 / math.sqrt(config.head_size),
            do_rotary=int(self._is_rotary),
            rotary_interleaved=int(self._is_rotary),
        )
        width = config.num_heads * padded_head_size(config)
        return graph.node("Reshape", [heads, graph.ints(-1, width)], name=f"{part}.flat")

    def _rotary_tables(self) -> list[str]:
        tables = zip(("cos.table", "sin.table"), rotary_tables(self._config), strict=True)
        more = (padded_head_size(self._config) - self._config.head_size) // 2
        return [
            self._graph.tensor(name, np.pad(rows, [(0, 0), (0, more)])) for name, rows in tables
        ]


def _with_padded_heads(state: Mapping[str, Array], config: ModelConfig) -> Mapping[str, Array]:
    """Return the state with zeros behind the numbers of each head, as many as the cache wants."""
    H, D = config.num_heads, config.head_size
    more = padded_head_size(config) - D
    if not more:
        return state
    padded = dict(state)
    for name, values in state.items():
        if ".attn.c_attn." in name:
            by_head = values.reshape(3 * H, D, *values.shape[1:])
            widths = [(0, 0), (0, more), *[(0, 0)] * (values.ndim - 1)]
            padded[name] = np.pad(by_head, widths).reshape(-1, *values.shape[1:])
        elif name.endswith(".attn.c_proj.weight"):
            by_head = values.reshape(len(values), H, D)
            padded[name] = np.pad(by_head, [(0, 0), (0, 0), (0, more)]).reshape(len(values), -1)
    return padded
