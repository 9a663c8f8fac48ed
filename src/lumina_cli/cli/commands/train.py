"""`lumina train`: from text to a model."""

import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lumina_cli.cli.console import notice, print_text, stdout_console
from lumina_cli.cli.help.completion import presets
from lumina_cli.cli.help.mistakes import given_without_resume
from lumina_cli.cli.options import ConfigPath, HelpAll, Json, Quiet, Verbose, with_settings
from lumina_cli.cli.questions.run_length import can_ask, minutes_for
from lumina_cli.cli.starting import starting_line
from lumina_cli.cli.training import (
    Checkpoint,
    DryRun,
    LogFile,
    MaxRestarts,
    NumProcesses,
    Resume,
    TensorBoard,
    ValData,
    do_run,
    has_restarted,
    launch_if_asked,
)
from lumina_cli.setting_sources.presets import PRESETS
from lumina_cli.settings import DEFAULT_MODEL, TRAIN_CONFIGS, Settings, resolve_settings

if TYPE_CHECKING:
    from lumina_cli.recipes.run.run import TrainingRun
    from lumina_cli.recipes.train.resume import Resumed


@with_settings(*TRAIN_CONFIGS)
def command(
    *,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            "--data",
            "-d",
            metavar="PATH",
            help="File or folder to train on (repeatable). 'starter' is the built-in corpus.",
            show_default="oasst1_data/ if it is there",
            readable=False,
        ),
    ] = None,
    val_data: ValData = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Model file to write.",
            metavar="FILE",
            show_default="Model.pth",
            readable=False,
        ),
    ] = None,
    resume: Resume = False,
    checkpoint: Checkpoint = None,
    log_file: LogFile = None,
    tensorboard: TensorBoard = False,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            "-p",
            metavar="NAME",
            autocompletion=presets,
            help=f"Preset group of settings: {', '.join(PRESETS)}.",
        ),
    ] = None,
    list_presets: Annotated[
        bool, typer.Option("--list-presets", help="List the presets and exit.")
    ] = False,
    config: ConfigPath = None,
    dry_run: DryRun = False,
    nproc: NumProcesses = None,
    max_restarts: MaxRestarts = None,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes",
            "-y",
            help="Don't ask. Without a length, a run that would take over an hour on a CPU ends "
            "after 10 minutes.",
        ),
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
    help_all: HelpAll = False,
    **flags: object,
) -> None:
    """Train a model from scratch on your text.

    Without --data it trains on oasst1_data/ (see: lumina data fetch oasst1).

    A demo of three minutes, offline: lumina train --preset demo
    """
    started_s = time.monotonic()
    if list_presets:
        _list_presets()
        return
    if checkpoint is not None and not resume:
        raise given_without_resume(checkpoint, has_data=bool(data))
    launch_if_asked(nproc, max_restarts=max_restarts, dry_run=dry_run)
    resumed = None
    if resume or has_restarted(out or DEFAULT_MODEL):
        resumed = _find_run(checkpoint, out=out, flags=flags, preset=preset, config=config)
        settings, out = resumed.settings, resumed.out
        data, val_data = data or resumed.data, val_data or resumed.val_data
    else:
        settings = resolve_settings(
            TRAIN_CONFIGS, flags=flags, environ=os.environ, toml=config, preset=preset
        )
        if data:
            settings = _with_bot(settings, data=[*data, *(val_data or [])], asks=not yes)

    from lumina_cli.recipes.train.pretrain import pretrain  # noqa: PLC0415  torch

    starting_line.update("reading the data, measuring a step …")
    begin = partial(
        pretrain,
        data=data or [],
        val_data=val_data or [],
        out=out or DEFAULT_MODEL,
        resumed=resumed,
        tell=starting_line.update,
    )
    run = begin(settings, started_s=started_s)
    if resumed is None:
        asks = can_ask() and not (yes or dry_run or quiet)
        run = _of_bearable_length(run, settings, begin=begin, asks=asks)
    do_run(
        run,
        dry_run=dry_run,
        json=json,
        quiet=quiet,
        log_file=log_file,
        tensorboard=tensorboard,
    )


def _of_bearable_length(
    run: "TrainingRun",
    settings: Settings,
    *,
    begin: Callable[..., "TrainingRun"],
    asks: bool,
) -> "TrainingRun":
    """Return the run, or a shorter one where nobody gave its length and it takes very long."""
    from lumina_cli.recipes.train.length import (  # noqa: PLC0415  torch
        LONG_S,
        for_minutes,
        has_no_length,
    )

    plan = run.plan
    if not has_no_length(settings) or plan.seconds <= LONG_S:
        return run
    minutes = minutes_for(plan, asks=asks)
    return run if minutes is None else begin(for_minutes(settings, minutes))


def _with_bot(settings: Settings, *, data: list[Path], asks: bool) -> Settings:
    """Return settings that say who the bot is, asked on a terminal where the data are chats."""
    from lumina_cli.cli.questions.bot_question import asker  # noqa: PLC0415
    from lumina_cli.recipes.data.bot_choice import with_bot  # noqa: PLC0415  numpy

    return with_bot(settings, paths=data, ask=asker() if asks else None)


def _find_run(
    checkpoint: Path | None,
    *,
    out: Path | None,
    flags: Mapping[str, object],
    preset: str | None,
    config: Path | None,
) -> "Resumed":
    if (preset or config) and not has_restarted(out or DEFAULT_MODEL):
        notice("--preset and --config have no effect with --resume: the run keeps its settings")

    from lumina_cli.recipes.train.resume import find_run  # noqa: PLC0415  torch

    found = find_run(checkpoint, out=out, default_out=DEFAULT_MODEL, flags=flags)
    if checkpoint is not None and has_restarted(found.out):
        return find_run(None, out=found.out, default_out=found.out, flags=flags)
    return found


def _list_presets() -> None:
    """Print each preset with what it sets, on stdout."""
    for name, preset in PRESETS.items():
        values = ", ".join(
            f"{key}={value}" for key, value in preset.values.items() if value is not None
        )
        data = f"data={preset.data}" if preset.data else ""
        print_text(stdout_console(), f"{name:<6} {preset.description}", indent=" " * 7)
        if values or data:
            shown = ", ".join(filter(None, [data, values]))
            print_text(stdout_console(), f"       {shown}", indent=" " * 7)
