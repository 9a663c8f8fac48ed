"""`lumina export`: a model for other programs."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lumina_cli.cli.console import notice, plain, print_json, stderr_console
from lumina_cli.cli.options import Json, ModelPath, Quiet, Verbose
from lumina_cli.export.names import Dtype, TargetName

if TYPE_CHECKING:
    from lumina_cli.export.job import ExportReport


def command(
    *,
    to: Annotated[
        TargetName,
        typer.Option(
            "--to",
            help="What it is for: transformers (hf), llama.cpp (gguf), ONNX Runtime and "
            "transformers.js (onnx), a page for browsers (web), lumina in a smaller "
            "file (lumina).",
        ),
    ],
    model: ModelPath = Path("Model.pth"),
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="File or folder to write.", show_default="beside the model"
        ),
    ] = None,
    dtype: Annotated[
        Dtype | None,
        typer.Option(
            "--dtype",
            help="Data type of the weights.",
            show_default="fp32; for gguf and lumina fp16",
        ),
    ] = None,
    folder: Annotated[
        bool, typer.Option("--folder", help="With --to web: a folder for a web server.")
    ] = False,
    no_training_text: Annotated[
        bool,
        typer.Option(
            "--no-training-text",
            help="Leave out what the model file tells of the text it learnt from: statistics "
            "for speculative decoding, names and paths of files, counts.",
        ),
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Export a model for other programs, and check that it computes the same there."""
    from lumina_cli.recipes.export import ExportOptions, export_model  # noqa: PLC0415  torch

    with stderr_console().status("reading the model …") as status:
        options = ExportOptions(
            to=to, out=out, dtype=dtype, training_text=not no_training_text, folder=folder
        )
        report = export_model(model, options, tell=lambda text: status.update(f"{text} …"))
    if json:
        print_json(_as_json(report))
        return
    typer.echo(plain(str(report.path)).plain)
    for line in _lines(report):
        notice(line)


def _as_json(report: "ExportReport") -> dict[str, object]:
    compared = None if report.compared is None else asdict(report.compared)
    return {
        "path": str(report.path),
        "bytes": report.num_bytes,
        "dtype": report.dtype,
        "compared": compared,
    }


def _lines(report: "ExportReport") -> list[str]:
    """Return what to tell of an export: its size, and what the check found."""
    size = f"{report.num_bytes / 1e6:,.1f} MB in {report.dtype}"
    found = report.compared
    if found is None:
        why = f"the package {report.checked_by} is not installed"
        return [size, f"not checked: {why}. Install it: pip install {report.checked_by}"]
    ids = f": the ids of {found.num_texts:,} texts are equal" if found.num_texts else ""
    figures = {"logits": found.logit, "log-probabilities": found.logprob}
    differ = ", ".join(f"{what} by {by:.1e}" for what, by in figures.items() if by is not None)
    return [
        size,
        f"checked with {found.library}{ids}",
        f"largest differences on {found.num_windows} windows: {differ}",
        f"loss {found.loss:.5f} → {found.exported_loss:.5f} nats per character",
    ]
