"""`lumina export`: a model for other programs."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from lumina_cli.cli.console import notice, plain, print_json, print_text, stderr_console
from lumina_cli.cli.options import Json, ModelPath, Quiet, Verbose
from lumina_cli.cli.signals import signals_clear_away
from lumina_cli.errors import UsageError
from lumina_cli.export.names import Dtype, TargetName
from lumina_cli.io.shell_word import shell_word
from lumina_cli.io.terminal_text import one_line

if TYPE_CHECKING:
    from lumina_cli.export.job import ExportReport


def command(
    *,
    to: Annotated[
        TargetName,
        typer.Option(
            "--to",
            metavar="|".join(get_args(TargetName)),
            help="What it is for: transformers (hf), llama.cpp (gguf), ONNX Runtime and "
            "transformers.js (onnx), a page for browsers (web), lumina in a smaller "
            "file (lumina).",
        ),
    ],
    model: ModelPath = Path("Model.pth"),
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="PATH",
            help="File or folder to write.",
            show_default="beside the model",
            readable=False,
        ),
    ] = None,
    dtype: Annotated[
        Dtype | None,
        typer.Option(
            "--dtype",
            metavar="|".join(get_args(Dtype)),
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
    push: Annotated[
        str | None,
        typer.Option(
            "--push",
            metavar="OWNER/NAME",
            help="With --to hf: publish the folder in this repository of the Hugging Face hub, "
            "after showing what would be published.",
            show_default=False,
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Publish without asking.")] = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Export a model for other programs, and check that it computes the same there."""
    from lumina_cli.recipes.export import ExportOptions, export_model  # noqa: PLC0415  torch

    with signals_clear_away(), stderr_console().status("reading the model …") as status:
        options = ExportOptions(
            to=to,
            out=out,
            dtype=dtype,
            training_text=not no_training_text,
            folder=folder,
            push=push,
        )
        report = export_model(model, options, tell=lambda text: status.update(f"{text} …"))
    if not json:
        typer.echo(plain(str(report.path)).plain)
    for line in (*_lines(report), _next_step(to, report.path)):
        notice(line)
    url = None if push is None else _publish(report, push, is_agreed=yes)
    if json:
        print_json(_as_json(report) | ({} if url is None else {"url": url}))
    elif url is not None:
        typer.echo(plain(url).plain)


def _publish(report: "ExportReport", repo: str, *, is_agreed: bool) -> str:
    """Show what would be published, and do so if it is agreed to; return where it is.

    Raises:
        UsageError: nobody agreed.
    """
    from lumina_cli.export.huggingface.push import publish  # noqa: PLC0415  torch
    from lumina_cli.recipes.export import publication_of  # noqa: PLC0415  torch

    publication = publication_of(report, repo)
    console = stderr_console()
    console.print(plain(f"To be published at {publication.url}, private if it is new there:"))
    for name, num_bytes in publication.files:
        print_text(console, one_line(f"  {name} ({num_bytes:,} bytes)"))
    console.print(plain("README.md names what the model learnt from: read it first."))
    if not is_agreed and not _agrees():
        raise UsageError("nothing was published", hint="To publish without a question: --yes")
    with console.status("publishing …"):
        return publish(publication)


def _agrees() -> bool:
    """Ask on the terminal; where there is none, nobody agrees."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    return typer.confirm("Publish this?", default=False, err=True)


def _as_json(report: "ExportReport") -> dict[str, object]:
    compared = None if report.compared is None else asdict(report.compared)
    return {
        "path": str(report.path),
        "bytes": report.num_bytes,
        "dtype": report.dtype,
        "compared": compared,
    }


def _next_step(to: TargetName, path: Path) -> str:
    """Return what can be done with an export."""
    match to:
        case "web":
            return "Open it in a browser: it chats there, offline."
        case "lumina":
            return f"Talk to it: lumina chat --model {shell_word(path)}"
    return "How to load it in other programs: lumina docs export"


def _lines(report: "ExportReport") -> list[str]:
    """Return what to tell of an export: its size, and what the check found."""
    size = f"{report.num_bytes / 1e6:,.1f} MB in {report.dtype}"
    found = report.compared
    if found is None:
        why = f"the package {report.checked_by} is not installed"
        return [size, f"not checked: {why}. Install it: pip install {report.checked_by}"]
    ids = f": the ids of {found.num_texts:,} texts are equal" if found.num_texts else ""
    if found.num_cut_otherwise:
        ids += f" but for {found.num_cut_otherwise:,} (the same text, cut otherwise: "
        ids += "lumina docs export)"
    figures = {"logits": found.logit, "log-probabilities": found.logprob}
    differ = ", ".join(f"{what} by {by:.1e}" for what, by in figures.items() if by is not None)
    return [
        size,
        f"checked with {found.library}{ids}",
        f"largest differences on {found.num_windows} windows: {differ}",
        f"loss {found.loss:.5f} → {found.exported_loss:.5f} nats per character",
    ]
