"""The page, written and checked.

What computes in it is the graph of `--to onnx`, which is checked by ONNX Runtime.
"""

from pathlib import Path

from lumina_cli.export.compare import Comparison
from lumina_cli.export.job import ExportJob
from lumina_cli.export.libraries import needed
from lumina_cli.export.onnx.check import compare_graph
from lumina_cli.export.onnx.folder import graph_bytes
from lumina_cli.export.place import export_file, export_folder
from lumina_cli.export.web.model import model_json
from lumina_cli.export.web.page import is_our_page, one_page, page_folder
from lumina_cli.io.regular_file import open_regular


def export_web(job: ExportJob, path: Path) -> Comparison | None:
    """Write one page; return how far its graph is from the model, None where that isn't known.

    Raises:
        UsageError: the package onnx is not installed, or the tokenizer merges characters.
        ExportError: it is too far; then nothing is written.
        OutputError, StorageError: as `export_file` does.
    """
    with export_file(path, is_ours=_is_ours) as staging:
        model = _model(job)
        compared = _compare(job, model)
        job.comparer.tell("writing the page")
        staging.write_bytes(one_page(model, name=job.name))
        return compared


def export_web_folder(job: ExportJob, path: Path) -> Comparison | None:
    """Write the page as a folder for a web server: see `export_web`."""
    with export_folder(path) as folder:
        model = _model(job)
        compared = _compare(job, model)
        job.comparer.tell("writing the page")
        for name, content in page_folder(model, name=job.name).items():
            (folder / name).write_bytes(content)
        return compared


def _model(job: ExportJob) -> dict[str, bytes]:
    needed("onnx")
    job.comparer.tell("writing the graph")
    return {"model.json": model_json(job), "model.onnx": graph_bytes(job)}


def _compare(job: ExportJob, model: dict[str, bytes]) -> Comparison | None:
    return compare_graph(model["model.onnx"], comparer=job.comparer, dtype=job.dtype)


def _is_ours(path: Path) -> bool:
    with open_regular(path) as file:
        return is_our_page(file)
