"""`lumina train`: from text to a model."""

import math
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from lumina_cli.cli.console import notice, print_json, stderr_console
from lumina_cli.cli.options import ConfigPath, Json, Quiet, Verbose, with_settings
from lumina_cli.settings import PRESETS, TRAIN_CONFIGS, resolve_settings

if TYPE_CHECKING:
    from lumina_cli.recipes.pretrain import Pretraining, TrainReport

EXIT_INTERRUPTED = 130


@with_settings(*TRAIN_CONFIGS)
def command(
    *,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            "--data",
            "-d",
            help="A file or folder to learn from; can be given again. 'starter' is the corpus "
            "inside the package.",
            show_default="oasst1_data/ if it is there",
        ),
    ] = None,
    val_data: Annotated[
        list[Path] | None,
        typer.Option("--val-data", help="A file or folder to measure with.", show_default=False),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The model file to write.")] = Path(
        "Model.pth"
    ),
    preset: Annotated[
        str | None,
        typer.Option("--preset", "-p", help=f"Settings that go together: {', '.join(PRESETS)}."),
    ] = None,
    list_presets: Annotated[
        bool, typer.Option("--list-presets", help="Show the presets and end.")
    ] = False,
    config: ConfigPath = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and end.")] = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
    **flags: object,
) -> None:
    """Train a model from nothing on your text.

    Without --data it learns from oasst1_data/ (see: lumina data fetch oasst1).
    To see it all in three minutes, offline: lumina train --preset demo
    """
    started_s = time.monotonic()
    if list_presets:
        _list_presets()
        return
    settings = resolve_settings(
        TRAIN_CONFIGS, flags=flags, environ=os.environ, toml=config, preset=preset
    )
    for text in settings.notices:
        notice(text)

    from lumina_cli.cli.train_view import make_view, show_plan, show_report  # noqa: PLC0415  torch
    from lumina_cli.recipes.pretrain import Pretraining  # noqa: PLC0415  torch

    console = stderr_console()
    run = Pretraining(
        settings, data=data or [], val_data=val_data or [], out=out, started_s=started_s
    )
    for text in () if quiet else run.notices:
        notice(text)
    if not quiet:
        show_plan(console, run.plan, sample_prompt=run.sample_prompt)
    if dry_run:
        return
    with _stop_at_ctrl_c(run), make_view(console, plan=run.plan, quiet=quiet) as view:
        for event in run.run():
            view.show(event)
    assert run.report is not None, "a run that ends leaves a report"
    if not quiet:
        show_report(console, run.report)
    if json:
        print_json(_report_json(run.report))
    if run.report.stop_reason == "interrupted":
        raise typer.Exit(EXIT_INTERRUPTED)


@contextmanager
def _stop_at_ctrl_c(run: "Pretraining") -> Iterator[None]:
    """Let the first Ctrl-C end the run cleanly, and the second one at once."""

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, previous)
        notice("Stopping after this step; the best model is kept. Ctrl-C again: stop at once.")
        run.stop()

    previous = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def _report_json(report: "TrainReport") -> dict[str, object]:
    nats = report.best_nats_per_char
    return {
        "model": str(report.model),
        "steps": report.steps,
        "val_nats_per_char": nats,
        "val_bits_per_char": None if nats is None else nats / math.log(2),
        "chars_per_s": round(report.chars_per_s, 1),
        "peak_memory_bytes": report.peak_memory_bytes,
        "seconds": round(report.seconds, 2),
        "stop_reason": report.stop_reason,
        "held_out_right": None if report.exam is None else report.exam.share_right,
    }


def _list_presets() -> None:
    """Print each preset with what it sets, on stdout."""
    for name, preset in PRESETS.items():
        values = ", ".join(f"{key}={value}" for key, value in preset.values.items())
        data = f"data={preset.data}" if preset.data else ""
        typer.echo(f"{name:<6} {preset.description}")
        if values or data:
            typer.echo(f"       {', '.join(filter(None, [data, values]))}")
