"""What the commands that train have in common: options, plan, run, logs and report."""

import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lumina_cli.cli.console import notice, print_json, stderr_console
from lumina_cli.cli.help.completion import runs
from lumina_cli.cli.signals import stop_signals
from lumina_cli.cli.starting import starting_line
from lumina_cli.core.training.parallel.place import find_place
from lumina_cli.errors import OutputError
from lumina_cli.io.regular_file import open_to_append

if TYPE_CHECKING:
    from rich.console import Console

    from lumina_cli.cli.views.train import TrainView
    from lumina_cli.recipes.run.report import TrainReport
    from lumina_cli.recipes.run.run import TrainingRun
    from lumina_cli.recipes.train.plan import Plan

ValData = Annotated[
    list[Path] | None,
    typer.Option(
        "--val-data",
        help="File or folder to validate on (repeatable).",
        metavar="PATH",
        show_default=False,
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Resume from the newest checkpoint, or from CHECKPOINT (or a run folder).",
        metavar="[CHECKPOINT]",
    ),
]
Checkpoint = Annotated[
    Path | None,
    typer.Argument(
        help="With --resume: a checkpoint or a run folder.", hidden=True, autocompletion=runs
    ),
]
LogFile = Annotated[
    Path | None,
    typer.Option("--log-file", help="Log to this file too, besides train.log.", metavar="FILE"),
]
TensorBoard = Annotated[bool, typer.Option("--tensorboard", help="Write TensorBoard events too.")]
NumProcesses = Annotated[
    int | None,
    typer.Option(
        "--nproc",
        help="Train with this many processes on this machine, one for each GPU or a few cores.",
        min=1,
        max=1024,
        show_default="1",
    ),
]
MaxRestarts = Annotated[
    int | None,
    typer.Option(
        "--max-restarts",
        help="With --nproc: go on from the newest checkpoint when a process is lost, so many "
        "times.",
        min=0,
        max=1_000_000,
        show_default="0",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan and exit.")]


def launch_if_asked(nproc: int | None, *, max_restarts: int | None, dry_run: bool) -> None:
    """Start the processes that do this command, where that is asked for and not done yet.

    Raises:
        typer.Exit: with their exit code.
    """
    if nproc is None and max_restarts is not None:
        notice("--max-restarts has no effect without --nproc")
    if nproc is None or dry_run or find_place() is not None or (nproc, max_restarts) == (1, None):
        return
    starting_line.erase()

    from lumina_cli.recipes.launch import launch  # noqa: PLC0415  torch

    raise typer.Exit(launch(sys.argv[1:], nproc=nproc, max_restarts=max_restarts or 0))


def has_restarted(model: Path) -> bool:
    """Whether a launcher has begun this command anew, and there is a checkpoint to go on from."""
    place = find_place()
    if place is None or not place.restart:
        return False

    from lumina_cli.recipes.run.ranks.restart import goes_on  # noqa: PLC0415  torch

    return goes_on(model)


def do_run(
    run: "TrainingRun",
    *,
    dry_run: bool,
    json: bool,
    quiet: bool,
    log_file: Path | None,
    tensorboard: bool,
) -> None:
    """Show the plan of a run and, unless it is a dry one, train and report.

    Raises:
        typer.Exit: a signal ended it.
    """
    _tell_plan(run, quiet=quiet)
    if dry_run:
        if json:
            print_json(_plan_json(run.plan))
        return
    logs = _logs(run, log_file=log_file, tensorboard=tensorboard) if run.is_first else []
    exit_code = _train(run, logs=logs, quiet=quiet)
    if json and run.report is not None:
        print_json(_report_json(run.report))
    if exit_code is not None:
        raise typer.Exit(exit_code)


def _tell_plan(run: "TrainingRun", *, quiet: bool) -> None:
    """Say what is worth knowing before the run, unless quiet."""
    if quiet:
        return

    from lumina_cli.cli.views.train_panels import show_plan  # noqa: PLC0415  torch

    for text in run.notices:
        notice(text)
    show_plan(stderr_console(), run.plan, sample_prompt=run.prompts[0])


def _train(run: "TrainingRun", *, logs: Sequence["TrainView"], quiet: bool) -> int | None:
    """Train while drawing it; return the exit code of the signal that ended it, if one did."""
    from lumina_cli.cli.views.train import CompositeView, make_view  # noqa: PLC0415  torch
    from lumina_cli.cli.views.train_panels import show_report  # noqa: PLC0415  torch

    console = stderr_console()
    stop = partial(_stop, run, console=None if quiet else console)
    with (
        CompositeView([make_view(console, plan=run.plan, quiet=quiet), *logs]) as view,
        stop_signals(stop=stop, save=run.request_checkpoint, is_alone=run.is_alone) as signals,
    ):
        for event in run.run():
            view.show(event)
    if run.report is not None and not quiet:
        show_report(console, run.report)
    return signals.exit_code


def _stop(run: "TrainingRun", *, console: "Console | None") -> None:
    run.stop()
    if console is not None:
        again = " The same signal again stops at once." if run.is_alone else ""
        notice(f"Stopping after this step and saving.{again}", console=console)


def _logs(run: "TrainingRun", *, log_file: Path | None, tensorboard: bool) -> list["TrainView"]:
    from lumina_cli.cli.views.train import LogFile  # noqa: PLC0415  torch
    from lumina_cli.io.folders.run_folder import LOG, TENSORBOARD  # noqa: PLC0415

    if log_file is not None:
        _check_writable(log_file)
    header = _header(run)
    paths = [run.folder.path / LOG, *([log_file] if log_file else [])]
    logs: list[TrainView] = [LogFile(path, header=header) for path in paths]
    if tensorboard:
        from lumina_cli.cli.views.tensorboard import TensorBoardView  # noqa: PLC0415  torch

        logs.append(TensorBoardView(run.folder.path / TENSORBOARD))
    return logs


def _header(run: "TrainingRun") -> list[str]:
    """Return the lines that a log begins with."""
    from lumina_cli.cli.views.train_lines import settings_lines  # noqa: PLC0415  torch

    return settings_lines(run.plan, config=run.job.config, settings=run.job.settings.values())


def _check_writable(path: Path) -> None:
    """Make sure of a log that was asked for: later on, a line that is lost stops nothing."""
    try:
        open_to_append(path).close()
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
        "memory_parts_bytes": asdict(plan.memory),
        "steps": plan.steps,
        "steps_per_epoch": plan.steps_per_epoch,
        "seconds": round(plan.seconds, 2),
        "device": plan.device,
        "precision": plan.precision.name,
        **({"finetuning": dict(plan.more)} if plan.more else {}),
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
        "held_out_right": None if report.starter_eval is None else report.starter_eval.share_right,
        **_finetuned_json(report),
    }


def _finetuned_json(report: "TrainReport") -> dict[str, object]:
    if report.base is None:
        return {}
    return {
        "base": str(report.base.path),
        "base_val_nats_per_char": report.base.loss.new,
        "base_kept_nats_per_char": report.base.loss.replay,
        "kept_nats_per_char": report.base_loss,
        "characters_added": report.characters_added,
    }
