"""`lumina eval`: what a model is worth on a text."""

import os
from pathlib import Path
from typing import Annotated

import typer

from lumina_cli.cli.console import notice, plain, print_json, stderr_console
from lumina_cli.cli.options import (
    ConfigPath,
    HelpAll,
    Json,
    ModelPath,
    Quiet,
    Verbose,
    with_settings,
)
from lumina_cli.core.config import ComputeConfig, EngineConfig
from lumina_cli.data.config import DataConfig
from lumina_cli.settings import EVAL_DEFAULTS, resolve_settings


@with_settings(
    DataConfig,
    ComputeConfig,
    EngineConfig,
    without=("val_fraction", "min_char_count"),
    defaults=EVAL_DEFAULTS,
)
def command(
    *,
    model: ModelPath = Path("Model.pth"),
    data: Annotated[
        list[Path],
        typer.Option(
            "--data",
            "-d",
            metavar="PATH",
            help="File or folder to evaluate on (repeatable).",
            readable=False,
        ),
    ],
    config: ConfigPath = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
    help_all: HelpAll = False,
    **flags: object,
) -> None:
    """Evaluate a model on text, in nats and bits per character."""
    settings = resolve_settings(
        (DataConfig, ComputeConfig, EngineConfig),
        flags=flags,
        environ=os.environ,
        toml=config,
        base=EVAL_DEFAULTS,
    )
    for text in settings.notices:
        notice(text)

    from lumina_cli.recipes.infer.evaluate import evaluate_model  # noqa: PLC0415  torch

    with stderr_console().status("evaluating …"):
        measured = evaluate_model(model, data=data, settings=settings)
    for text in measured.notices:
        notice(text)
    result = measured.evaluation
    figures = {
        "model": str(model),
        "nats_per_char": result.nats_per_char,
        "bits_per_char": result.bits_per_char,
        "accuracy": result.accuracy,
        "characters": result.characters,
    }
    if json:
        print_json(figures)
        return
    typer.echo(plain(f"model       {model}").plain)
    nats, bits = result.nats_per_char, result.bits_per_char
    typer.echo(
        f"loss        {nats:.4f} nats a character, {bits:.4f} bits\n"
        f"accuracy    {result.accuracy:.1%} of the {measured.unit} right\n"
        f"characters  {result.characters:,}"
    )
