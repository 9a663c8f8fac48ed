"""Nodes and tensors of an ONNX graph, written one after the other.

N outputs of a product, K inputs.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from lumina_cli.onnx.onnx_graph import OnnxGraph, placeholder
from lumina_cli.onnx.weights import Array, WeightsFormat, quantize

OPSET = 20
"""The first with a GELU in its tanh form."""

Shape = Sequence[str | int]
"""Sizes, or names of those that vary."""

IR_VERSION = 10
"""What goes with it; a newer one is refused by older runtimes."""

CONTRIB = "com.microsoft"

LEAST_BESIDE_BYTES = 1024
"""From this size on a tensor lies beside the nodes; what is smaller tells shapes and axes, too."""

INT8_COMPUTE = 4
"""MatMulNBits: round what comes in to 8 bits as well, block by block."""


class GraphBuilder:
    """Collects what a graph is made of.

    Args:
        state: the model's parameters by name, in fp32.
        weights: what matrices are stored in.
        is_flat: whether what comes into products has two dimensions. Then a matrix in fp32 is
            taken as it lies in the state.
    """

    def __init__(
        self, state: Mapping[str, Array], *, weights: WeightsFormat, is_flat: bool = False
    ) -> None:
        self.state = state
        self._weights = weights
        self._is_flat = is_flat
        self._nodes: list[NodeProto] = []
        self._tensors: dict[str, TensorProto] = {}
        self._beside: dict[str, npt.NDArray[np.generic]] = {}

    def node(
        self,
        op: str,
        inputs: Sequence[str],
        *,
        name: str | Sequence[str],
        domain: str = "",
        **attributes: Any,
    ) -> str:
        """Add an operation; return the name of its (first) output, which is its own."""
        outputs = [name] if isinstance(name, str) else list(name)
        self._nodes.append(
            helper.make_node(op, inputs, outputs, name=outputs[0], domain=domain, **attributes)
        )
        return outputs[0]

    def tensor(self, name: str, values: npt.NDArray[np.generic]) -> str:
        """Add a tensor that is stored with the graph; return its name."""
        if name in self._tensors:
            return name
        if values.nbytes < LEAST_BESIDE_BYTES:
            self._tensors[name] = numpy_helper.from_array(np.asarray(values, order="C"), name)
        else:
            self._tensors[name] = placeholder(name, values)
            self._beside[name] = values
        return name

    def ints(self, *values: int) -> str:
        """Add whole numbers in a vector, as shapes and axes are given; return its name."""
        return self.tensor(f"ints.{'_'.join(map(str, values))}", np.array(values, np.int64))

    def table(self, name: str, rows: Array, idx: str, *, output: str) -> str:
        """Look up rows of a table, which is stored in fp16 where matrices are."""
        return self.node("Gather", [self._stored(name, rows), idx], name=output)

    def linear(self, x: str, part: str, *, name: str) -> str:
        """Multiply by the weight of a part, (N, K), and add its bias where it has one."""
        weight = self.state[f"{part}.weight"]
        bias = self.state.get(f"{part}.bias")
        if self._is_flat and self._weights == "fp32":
            stored = [self.tensor(f"{part}.weight", weight)]
            stored += [] if bias is None else [self.tensor(f"{part}.bias", bias)]
            return self.node("Gemm", [x, *stored], name=name, transB=1)
        y = name if bias is None else f"{name}.product"
        if self._weights == "int8":
            self._product_of_blocks(x, part, weight, output=y)
        else:
            self.node("MatMul", [x, self._stored(f"{part}.weight", weight.T)], name=y)
        if bias is None:
            return y
        return self.node("Add", [y, self.tensor(f"{part}.bias", bias)], name=name)

    def layer_norm(self, x: str, part: str, *, name: str) -> str:
        """Normalize the last dimension."""
        weight, bias = (
            self.tensor(f"{part}.{kind}", self.state[f"{part}.{kind}"])
            for kind in ("weight", "bias")
        )
        return self.node("LayerNormalization", [x, weight, bias], name=name, axis=-1, epsilon=1e-5)

    def mlp(self, x: str, part: str) -> str:
        """Add what a block's feed-forward half makes of x."""
        y = self.layer_norm(x, f"{part}.ln_2", name=f"{part}.ln_2")
        y = self.linear(y, f"{part}.mlp.c_fc", name=f"{part}.mlp.c_fc")
        y = self.node("Gelu", [y], name=f"{part}.mlp.gelu", approximate="tanh")
        y = self.linear(y, f"{part}.mlp.c_proj", name=f"{part}.mlp.c_proj")
        return self.node("Add", [x, y], name=f"{part}.after_mlp")

    def model(
        self, inputs: Sequence[ValueInfoProto], outputs: Sequence[ValueInfoProto]
    ) -> OnnxGraph:
        """Return the whole graph."""
        graph = helper.make_graph(
            self._nodes, "lumina", inputs, outputs, list(self._tensors.values())
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
        nodes = helper.make_model(
            graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="lumina"
        )
        return OnnxGraph(nodes, self._beside)

    def _stored(self, name: str, values: Array) -> str:
        """Store a matrix in the format of the weights; return the name under which it is fp32."""
        if self._weights != "fp16":
            return self.tensor(name, values)
        if name not in self._tensors:
            self.tensor(name, values.astype(np.float16))
            self.node("Cast", [name], name=f"{name}.fp32", to=TensorProto.FLOAT)
        return f"{name}.fp32"

    def _product_of_blocks(self, x: str, part: str, weight: Array, *, output: str) -> None:
        matrix = quantize(weight)
        N, K = weight.shape
        stored = [
            self.tensor(f"{part}.weight.steps", matrix.steps),
            self.tensor(f"{part}.weight.scales", matrix.scales),
        ]
        self.node(
            "MatMulNBits",
            [x, *stored],
            name=output,
            domain=CONTRIB,
            K=K,
            N=N,
            bits=8,
            block_size=matrix.steps.shape[2],
            accuracy_level=INT8_COMPUTE,
        )


def of_type(name: str, numbers: str, shape: Shape) -> ValueInfoProto:
    """Return what an input or output of the graph is: `int64`, `int32` or `float` numbers."""
    kinds = {
        "float": TensorProto.FLOAT,
        "int32": TensorProto.INT32,
        "int64": TensorProto.INT64,
    }
    return helper.make_tensor_value_info(name, kinds[numbers], shape)
