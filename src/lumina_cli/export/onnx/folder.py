"""The folder for ONNX Runtime, written and checked: a graph, and transformers' texts beside it.

transformers.js reads it as it is: the graph lies where it looks, and the config names the file.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from lumina_cli.export.compare import Comparison
from lumina_cli.export.huggingface.folder import write_texts
from lumina_cli.export.job import ExportJob
from lumina_cli.export.libraries import needed
from lumina_cli.export.onnx.check import compare_graph
from lumina_cli.export.place import export_folder

if TYPE_CHECKING:
    from lumina_cli.onnx.onnx_graph import OnnxGraph

GRAPH = Path("onnx") / "model.onnx"

JS_CONFIG = {"dtype": "fp32"}
"""Names the file to transformers.js: by itself it looks for another one in a browser."""

JS_BESIDE = {"use_external_data_format": {GRAPH.name: True}}
"""Tells it that the weights of this graph lie in a file of their own."""


def export_onnx(job: ExportJob, path: Path) -> Comparison | None:
    """Write the folder; return how far it is from the model, None where that can't be known.

    Raises:
        UsageError: the package onnx is not installed.
        ExportError: it is too far; then nothing is written.
        OutputError, StorageError: as `export_folder` does.
    """
    needed("onnx")
    with export_folder(path) as folder:
        job.comparer.tell("writing the graph")
        (folder / GRAPH).parent.mkdir()
        is_beside = graph_of(job).write(folder / GRAPH)
        js_config = {**JS_CONFIG, **(JS_BESIDE if is_beside else {})}
        write_texts(job, folder, more_config={"transformers.js_config": js_config})
        return compare_graph(
            folder / GRAPH,
            comparer=job.comparer,
            dtype=job.dtype,
            tokenizer=folder / "tokenizer.json",
        )


def graph_of(job: ExportJob) -> "OnnxGraph":
    """Return the graph with the names of transformers."""
    graph = import_module("lumina_cli.onnx.graph")  # imports onnx, which may be missing
    state = {name: tensor.numpy() for name, tensor in job.file.model.state_dict().items()}
    found: OnnxGraph = graph.transformers_graph(state, job.file.model.config, weights=job.dtype)
    return found
