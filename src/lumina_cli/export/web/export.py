"""The page, written and checked.

What computes in it is the graph of `--to onnx`, which is checked by ONNX Runtime.
"""

from pathlib import Path

from lumina_cli.browser.model_json import model_json
from lumina_cli.browser.signed import is_our_page
from lumina_cli.errors import UsageError
from lumina_cli.export.compare import Comparison
from lumina_cli.export.job import ExportJob
from lumina_cli.export.libraries import needed
from lumina_cli.export.onnx.check import compare_graph
from lumina_cli.export.onnx.folder import graph_of
from lumina_cli.export.place import export_file, export_folder
from lumina_cli.export.web.page import one_page, page_folder

MAX_PAGE_BYTES = 380_000_000
"""Of the model in one page: browsers hold no text of more than half a gigabyte."""

MAX_FOLDER_BYTES = 2_000_000_000
"""Of the model in a folder: browsers fetch no more at once."""


def export_web(job: ExportJob, path: Path) -> Comparison | None:
    """Write one page; return how far its graph is from the model, None where that isn't known.

    Raises:
        UsageError: the package onnx is not installed, or the model is too large for a browser.
        ExportError: it is too far; then nothing is written.
        OutputError, StorageError: as `export_file` does.
    """
    with export_file(path, is_ours=is_our_page) as staging:
        model = _model(job, max_bytes=MAX_PAGE_BYTES)
        compared = _compare(job, model)
        job.comparer.tell("writing the page")
        staging.write_bytes(one_page(model, name=job.name))
        return compared


def export_web_folder(job: ExportJob, path: Path) -> Comparison | None:
    """Write the page as a folder for a web server: see `export_web`."""
    with export_folder(path) as folder:
        model = _model(job, max_bytes=MAX_FOLDER_BYTES)
        compared = _compare(job, model)
        job.comparer.tell("writing the page")
        for name, content in page_folder(model, name=job.name).items():
            (folder / name).write_bytes(content)
        return compared


def _model(job: ExportJob, *, max_bytes: int) -> dict[str, bytes]:
    needed("onnx")
    job.comparer.tell("writing the graph")
    told, graph = model_json(job.file, name=job.name), graph_of(job)
    if graph.num_bytes > max_bytes:
        size, most = (f"{num_bytes / 1e6:,.0f} MB" for num_bytes in (graph.num_bytes, max_bytes))
        raise UsageError(
            f"the model has {size} in {job.dtype}, and a browser takes {most} at most",
            hint="Use: --dtype int8, or --folder, or --to onnx",
        )
    return {"model.json": told, "model.onnx": graph.serialized()}


def _compare(job: ExportJob, model: dict[str, bytes]) -> Comparison | None:
    return compare_graph(model["model.onnx"], comparer=job.comparer, dtype=job.dtype)
