"""An ONNX graph: its nodes, and the tensors beside them, which nothing copies before it must."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, helper

MAX_FILE_BYTES = 2_000_000_000
"""Tensors of more bytes lie in a file of their own: protobuf ends at 2 GiB."""

TENSORS_SUFFIX = "_data"
"""Of that file, behind the name of the graph's: where transformers.js looks for it."""

ALIGNMENT_BYTES = 4096
"""Tensors begin at multiples of a page, so that a file can be mapped."""

AnyArray = npt.NDArray[np.generic]


class OnnxGraph(NamedTuple):
    """A graph.

    Attributes:
        nodes: with tensors of a few numbers, and a placeholder for each of the others.
        tensors: those others, by name.
    """

    nodes: ModelProto
    tensors: Mapping[str, AnyArray]

    @property
    def num_bytes(self) -> int:
        """Of the tensors, which is nearly all."""
        return sum(values.nbytes for values in self.tensors.values())

    def serialized(self, *, but: Iterable[str] = ()) -> bytes:
        """Return the graph with its tensors, but for those that go on lying beside."""
        left = set(but)
        whole = ModelProto()
        whole.CopyFrom(self.nodes)
        for tensor in whole.graph.initializer:
            if tensor.name in self.tensors and tensor.name not in left:
                tensor.raw_data = _little_endian(self.tensors[tensor.name]).tobytes()
                tensor.ClearField("external_data")
                tensor.ClearField("data_location")
        content: bytes = whole.SerializeToString()
        return content

    def write(self, path: Path) -> bool:
        """Write the graph; return whether its tensors had to go to a file beside it."""
        if self.num_bytes <= MAX_FILE_BYTES:
            path.write_bytes(self.serialized())
            return False
        beside = path.with_name(path.name + TENSORS_SUFFIX)
        nodes = ModelProto()
        nodes.CopyFrom(self.nodes)
        with beside.open("wb") as file:
            for tensor in nodes.graph.initializer:
                if tensor.name in self.tensors:
                    values = _little_endian(self.tensors[tensor.name])
                    offset = file.seek(-file.tell() % ALIGNMENT_BYTES, os.SEEK_CUR)
                    file.write(values.tobytes())
                    where = {"offset": offset, "length": values.nbytes}
                    _lay_beside(tensor, location=beside.name, **where)
        path.write_bytes(nodes.SerializeToString())
        return True


def placeholder(name: str, values: AnyArray) -> TensorProto:
    """Return what stands in the graph for a tensor beside it."""
    kind = helper.np_dtype_to_tensor_dtype(values.dtype)
    tensor = TensorProto(name=name, data_type=kind, dims=values.shape)
    _lay_beside(tensor, location="beside")
    return tensor


def _lay_beside(tensor: TensorProto, **where: Any) -> None:
    tensor.data_location = TensorProto.EXTERNAL
    tensor.ClearField("external_data")
    for key, value in where.items():
        tensor.external_data.add(key=key, value=str(value))


def _little_endian(values: AnyArray) -> AnyArray:
    return values.astype(values.dtype.newbyteorder("<"), copy=False)
