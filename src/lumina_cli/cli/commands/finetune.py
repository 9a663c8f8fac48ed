"""`lumina finetune`: fine-tune a model on your own text."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lumina_cli.cli.console import notice
from lumina_cli.cli.help.mistakes import given_without_resume
from lumina_cli.cli.options import (
    ConfigPath,
    HelpAll,
    Json,
    ModelPath,
    Quiet,
    Verbose,
    with_settings,
)
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
from lumina_cli.errors import UsageError
from lumina_cli.settings import (
    DEFAULT_FINETUNED,
    DEFAULT_MODEL,
    FINETUNE_CONFIGS,
    FINETUNE_DEFAULTS,
    MODEL_SHAPE,
)

if TYPE_CHECKING:
    from lumina_cli.recipes.run.run import TrainingRun


USED = {
    **FINETUNE_DEFAULTS,
    "learning_rate": "0.0001, more for models narrower than 512",
    "muon_learning_rate": "twice the learning rate",
    "epochs": "3, more for short texts",
    "seq_length": "the model's",
    "dropout": "the model's",
    "optimizer": "the model's",
}
"""What the help tells of settings whose default is not that of `train`."""


@with_settings(
    *FINETUNE_CONFIGS,
    without=MODEL_SHAPE,
    defaults=USED,
    descriptions={"minutes": "Finish within this many minutes, saving included."},
)
def command(
    *,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            "--data",
            "-d",
            metavar="PATH",
            help="File or folder to train on (repeatable).",
            show_default=False,
            readable=False,
        ),
    ] = None,
    model: ModelPath = DEFAULT_MODEL,
    val_data: ValData = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Model file to write.",
            metavar="FILE",
            show_default=str(DEFAULT_FINETUNED),
            readable=False,
        ),
    ] = None,
    resume: Resume = False,
    checkpoint: Checkpoint = None,
    log_file: LogFile = None,
    tensorboard: TensorBoard = False,
    config: ConfigPath = None,
    dry_run: DryRun = False,
    nproc: NumProcesses = None,
    max_restarts: MaxRestarts = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
    help_all: HelpAll = False,
    **flags: object,
) -> None:
    """Fine-tune a model on your own conversations or texts.

    New characters of any script get ids of their own. Text that the model was
    trained on is replayed against forgetting, and the loss on it is measured.
    The base model file stays as it is. Several defaults are gentler than those
    of `train`.
    """
    started_s = time.monotonic()
    if checkpoint is not None and not resume:
        raise given_without_resume(checkpoint, has_data=bool(data))
    launch_if_asked(nproc, max_restarts=max_restarts, dry_run=dry_run)
    if resume or has_restarted(out or DEFAULT_FINETUNED):
        if resume and model != DEFAULT_MODEL:
            notice("--model has no effect with --resume: the run has its model already")
        run = _resumed(
            checkpoint,
            data=data or [],
            val_data=val_data or [],
            out=out,
            config=config,
            flags=flags,
            started_s=started_s,
        )
    elif data:
        run = _begun(
            data,
            model=model,
            val_data=val_data or [],
            out=out or DEFAULT_FINETUNED,
            config=config,
            flags=flags,
            started_s=started_s,
        )
    else:
        raise UsageError(
            "there is no data to train on: --data is missing",
            hint="Name a file or folder: lumina finetune --data FILE",
        )
    do_run(
        run,
        dry_run=dry_run,
        json=json,
        quiet=quiet,
        log_file=log_file,
        tensorboard=tensorboard,
    )


def _begun(
    data: list[Path],
    *,
    model: Path,
    val_data: list[Path],
    out: Path,
    config: Path | None,
    flags: dict[str, object],
    started_s: float,
) -> "TrainingRun":
    from lumina_cli.cli.questions.bot_question import asker  # noqa: PLC0415
    from lumina_cli.recipes.data.bot_choice import with_bot  # noqa: PLC0415  numpy
    from lumina_cli.recipes.finetune.base import load_base  # noqa: PLC0415  torch
    from lumina_cli.recipes.finetune.finetune import finetune  # noqa: PLC0415
    from lumina_cli.recipes.finetune.settings import finetune_settings  # noqa: PLC0415

    starting_line.update("reading the model and the data …")
    loaded = load_base(model)
    settings = finetune_settings(loaded, flags=flags, environ=os.environ, toml=config)
    settings = with_bot(settings, paths=[*data, *val_data], ask=asker())
    return finetune(
        settings,
        model=model,
        loaded=loaded,
        data=data,
        val_data=val_data,
        out=out,
        started_s=started_s,
    )


def _resumed(
    checkpoint: Path | None,
    *,
    data: list[Path],
    val_data: list[Path],
    out: Path | None,
    config: Path | None,
    flags: dict[str, object],
    started_s: float,
) -> "TrainingRun":
    if config and not has_restarted(out or DEFAULT_FINETUNED):
        notice("--config has no effect with --resume: the run keeps its settings")

    from lumina_cli.recipes.finetune.finetune import resume_finetune  # noqa: PLC0415  torch
    from lumina_cli.recipes.train.resume import find_run  # noqa: PLC0415

    resumed = find_run(
        checkpoint, out=out, default_out=DEFAULT_FINETUNED, flags=flags, kinds=FINETUNE_CONFIGS
    )
    if checkpoint is not None and has_restarted(resumed.out):
        resumed = find_run(
            None, out=resumed.out, default_out=resumed.out, flags=flags, kinds=FINETUNE_CONFIGS
        )
    return resume_finetune(resumed, data=data, val_data=val_data, started_s=started_s)
