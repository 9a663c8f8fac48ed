"""`lumina train`: from text to a model."""

import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lumina_cli.cli.console import notice, print_json, stderr_console
from lumina_cli.cli.options import ConfigPath, Json, Quiet, Verbose, with_settings
from lumina_cli.cli.signals import stop_signals
from lumina_cli.errors import OutputError, UsageError
from lumina_cli.settings import DEFAULT_MODEL, PRESETS, TRAIN_CONFIGS, resolve_settings

if TYPE_CHECKING:
    from lumina_cli.cli.train_view import TrainView
    from lumina_cli.recipes.plan import Plan
    from lumina_cli.recipes.resume import Resumed
    from lumina_cli.recipes.run import TrainingRun, TrainReport


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
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The model file to write.", show_default="Model.pth"),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on from the newest checkpoint, or from CHECKPOINT."),
    ] = False,
    checkpoint: Annotated[
        Path | None,
        typer.Argument(help="With --resume: a checkpoint, or the folder of a run."),
    ] = None,
    log_file: Annotated[
        Path | None, typer.Option("--log-file", help="A file to log to, beside train.log.")
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write events for TensorBoard, too.")
    ] = False,
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
    if checkpoint is not None and not resume:
        raise UsageError(
            f"{checkpoint} stands alone",
            hint=f"Train on it: --data {checkpoint}. Or go on from it: --resume {checkpoint}",
        )
    resumed = None
    if resume:
        resumed = _find_run(checkpoint, out=out, flags=flags, preset=preset, config=config)
        settings, out = resumed.settings, resumed.out
        data, val_data = data or resumed.data, val_data or resumed.val_data
    else:
        settings = resolve_settings(
            TRAIN_CONFIGS, flags=flags, environ=os.environ, toml=config, preset=preset
        )

    from lumina_cli.recipes.pretrain import pretrain  # noqa: PLC0415  torch

    run = pretrain(
        settings,
        data=data or [],
        val_data=val_data or [],
        out=out or DEFAULT_MODEL,
        started_s=started_s,
        resumed=resumed,
    )
    _tell_plan(run, quiet=quiet)
    if dry_run:
        if json:
            print_json(_plan_json(run.plan))
        return
    logs = _logs(run, log_file=log_file, tensorboard=tensorboard)
    exit_code = _train(run, logs=logs, quiet=quiet)
    if json:
        assert run.report is not None
        print_json(_report_json(run.report))
    if exit_code is not None:
        raise typer.Exit(exit_code)


def _tell_plan(run: "TrainingRun", *, quiet: bool) -> None:
    """Say what is worth knowing before the run, unless quiet."""
    if quiet:
        return

    from lumina_cli.cli.train_view import show_plan  # noqa: PLC0415  torch

    resumed = run.task.resumed.notices if run.task.resumed else ()
    for text in (*run.task.settings.notices, *resumed, *run.task.notices):
        notice(text)
    show_plan(stderr_console(), run.plan, sample_prompt=run.sample_prompt)


def _train(run: "TrainingRun", *, logs: Sequence["TrainView"], quiet: bool) -> int | None:
    """Train while drawing it; return the exit code of the signal that ended it, if one did."""
    from lumina_cli.cli.train_view import Views, make_view, show_report  # noqa: PLC0415  torch

    console = stderr_console()
    with (
        Views([make_view(console, plan=run.plan, quiet=quiet), *logs]) as view,
        stop_signals(stop=lambda: _stop(run, quiet=quiet), save=run.save_soon) as signals,
    ):
        for event in run.run():
            view.show(event)
    assert run.report is not None, "a run that ends leaves a report"
    if not quiet:
        show_report(console, run.report)
    return signals.exit_code


def _find_run(
    checkpoint: Path | None,
    *,
    out: Path | None,
    flags: Mapping[str, object],
    preset: str | None,
    config: Path | None,
) -> "Resumed":
    if preset or config:
        notice("--preset and --config have no effect with --resume: the run keeps its settings")

    from lumina_cli.recipes.resume import find_run  # noqa: PLC0415  torch

    return find_run(checkpoint, out=out, default_out=DEFAULT_MODEL, flags=flags)


def _stop(run: "TrainingRun", *, quiet: bool) -> None:
    run.stop()
    if not quiet:
        notice("Stopping after this step, and saving. Once more: stop at once.")


def _logs(run: "TrainingRun", *, log_file: Path | None, tensorboard: bool) -> list["TrainView"]:
    from lumina_cli.cli.train_lines import settings_lines  # noqa: PLC0415  torch
    from lumina_cli.cli.train_view import LogFile  # noqa: PLC0415  torch
    from lumina_cli.recipes.run_folder import LOG  # noqa: PLC0415

    if log_file is not None:
        _check_writable(log_file)
    header = settings_lines(run.plan, config=run.task.config, settings=run.task.settings.values())
    paths = [run.folder.path / LOG, *([log_file] if log_file else [])]
    logs: list[TrainView] = [LogFile(path, header=header) for path in paths]
    if tensorboard:
        from lumina_cli.cli.tensorboard_view import TensorBoardView  # noqa: PLC0415  torch

        logs.append(TensorBoardView(run.folder.path / "tensorboard"))
    return logs


def _check_writable(path: Path) -> None:
    """Make sure of a log that was asked for: later on, a line that is lost stops nothing."""
    try:
        path.open("a", encoding="utf-8").close()
    except OSError as error:
        raise OutputError(
            f"the log file {path} can't be written: {error.strerror}",
            hint="Name another: --log-file",
        ) from error


def _plan_json(plan: "Plan") -> dict[str, object]:
    return {
        "model": str(plan.out),
        "data": list(plan.data),
        "train_chars": plan.train.chars,
        "val_chars": plan.validation.chars,
        "parameters": plan.num_parameters,
        "memory_bytes": plan.memory.total,
        "steps": plan.steps,
        "steps_per_epoch": plan.steps_per_epoch,
        "seconds": round(plan.seconds, 2),
        "device": plan.device,
        "precision": plan.precision.name,
    }


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
        values = ", ".join(
            f"{key}={value}" for key, value in preset.values.items() if value is not None
        )
        data = f"data={preset.data}" if preset.data else ""
        typer.echo(f"{name:<6} {preset.description}")
        if values or data:
            typer.echo(f"       {', '.join(filter(None, [data, values]))}")
