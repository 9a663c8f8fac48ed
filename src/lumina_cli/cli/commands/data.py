"""`lumina data`: fetch a data set, look at data, list what is known."""

import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lumina_cli.cli.console import notice, print_json, stderr_console
from lumina_cli.cli.help.completion import models
from lumina_cli.cli.help.page import HelpCommand, HelpGroup
from lumina_cli.cli.options import ConfigPath, HelpAll, Json, Quiet, Verbose, with_settings
from lumina_cli.core.config import ComputeConfig
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.data.config import DataConfig
from lumina_cli.settings import Settings, resolve_settings
from lumina_cli.tokenizer.config import TokenizerConfig

if TYPE_CHECKING:
    from lumina_cli.recipes.data.check import Checked

app = typer.Typer(
    name="data",
    cls=HelpGroup,
    help="Fetch a dataset, check data before training on it, list known datasets.",
    add_completion=False,
)


@app.command(cls=HelpCommand)
def fetch(
    name: Annotated[str, typer.Argument(help="oasst1, starter, or OWNER/NAME on the hub.")],
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Folder to write.",
            metavar="FOLDER",
            show_default="NAME_data",
            readable=False,
        ),
    ] = None,
    local_copy: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="Read a local copy instead: a folder or file with its rows.",
            metavar="PATH",
            readable=False,
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Fetch again even if it is there.")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Use only the cache of the hub's library.")
    ] = False,
    revision: Annotated[str, typer.Option(help="Branch, tag or commit on the hub.")] = "main",
    endpoint: Annotated[
        str, typer.Option(help="Address of the hub.", show_default="HF_ENDPOINT")
    ] = "",
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Fetch a dataset into its own folder, as JSON lines with a manifest."""
    from lumina_cli.cli.views.data import FetchView  # noqa: PLC0415  numpy
    from lumina_cli.data.hub.client import HubConfig  # noqa: PLC0415
    from lumina_cli.recipes.data.fetch import Fetched, fetch  # noqa: PLC0415

    hub_config = HubConfig(revision=revision, endpoint=endpoint, offline=offline)
    events = fetch(name, out=out, local_copy=local_copy, force=force, hub_config=hub_config)
    try:
        with FetchView(stderr_console(), quiet=quiet) as view:
            for event in events:
                view.show(event)
    except KeyboardInterrupt:
        notice("nothing was written; files that are downloaded are kept: run it again to go on")
        raise
    assert isinstance(event, Fetched), "a fetch ends in what was fetched"
    for issue in event.issues:
        notice(issue)
    if json:
        print_json({"folder": str(event.folder), "was_there": event.was_there, **event.manifest})


@app.command(cls=HelpCommand)
@with_settings(DataConfig, TokenizerConfig)
def check(
    data: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Files and folders.", readable=False)
    ],
    *,
    seq_length: Annotated[
        str | None, typer.Option(help="Sequence length of the model.", metavar="INTEGER")
    ] = None,
    batch_size: Annotated[str | None, typer.Option(help="Batch size.", metavar="INTEGER")] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            "-m",
            help="Measure how long this model takes per epoch.",
            metavar="FILE",
            autocompletion=models,
            readable=False,
        ),
    ] = None,
    config: ConfigPath = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
    help_all: HelpAll = False,
    **flags: object,
) -> None:
    """Check data: what it contains, what is skipped and why, how long an epoch is."""
    kinds = (DataConfig, TokenizerConfig, ModelConfig, TrainingConfig, ComputeConfig)
    sizes = {"seq_length": seq_length, "batch_size": batch_size}
    settings = resolve_settings(kinds, flags=flags | sizes, environ=os.environ, toml=config)
    for text in settings.notices:
        notice(text)
    tokenizer_config = settings.of(TokenizerConfig)
    if "vocab_size" in settings.sources and not tokenizer_config.has_size:
        place = settings.sources["vocab_size"]
        notice(f"vocab_size has no effect without --tokenizer bpe (from {place})")

    from lumina_cli.cli.views.data import check_as_json, show_check  # noqa: PLC0415  numpy
    from lumina_cli.recipes.data.check import check  # noqa: PLC0415

    with stderr_console().status("reading …"):
        checked = check(
            data,
            config=settings.of(DataConfig),
            seq_length=settings.of(ModelConfig).seq_length,
            batch_size=settings.of(TrainingConfig).batch_size,
            tokenizer_config=tokenizer_config,
        )
    for line in [*_unused(settings, checked), *_of_vocabulary(settings, checked)]:
        notice(line)
    epoch_s = None
    if model and not checked.refusal:
        from lumina_cli.recipes.infer.throughput import estimate_epoch_time  # noqa: PLC0415  torch

        with stderr_console().status("measuring …"):
            epoch_s = estimate_epoch_time(model, data=data, settings=settings).seconds
    if json:
        print_json(check_as_json(checked, epoch_s=epoch_s))
    else:
        show_check(checked, epoch_s=epoch_s, loss_on=settings.of(DataConfig).loss_on)
    if checked.refusal:
        raise checked.refusal


def _unused(settings: Settings, checked: "Checked") -> list[str]:
    """Return a line for each setting that what was read does not look at."""
    from lumina_cli.recipes.unused_settings import (  # noqa: PLC0415  numpy
        unused_data_settings,
        unused_lines,
    )

    if checked.refusal:
        return []
    unused = unused_data_settings(
        settings.of(DataConfig),
        schemas=checked.schemas,
        has_conversations=bool(checked.report.conversations),
    )
    return unused_lines(settings, unused)


def _of_vocabulary(settings: Settings, checked: "Checked") -> Iterable[str]:
    """Return a line for what a vocabulary lacks that was learnt from the data."""
    from lumina_cli.recipes.data.vocabulary import vocabulary_notices  # noqa: PLC0415  numpy

    if checked.cutting is None:
        return []
    return vocabulary_notices(
        checked.cutting.tokenizer,
        config=settings.of(TokenizerConfig),
        num_chars=checked.cutting.num_chars,
        place=settings.sources.get("vocab_size"),
    )


@app.command("list", cls=HelpCommand)
def list_data(*, json: Json = False, verbose: Verbose = 0) -> None:
    """List the known datasets, and which of them are here."""
    from lumina_cli.cli.views.data import show_known  # noqa: PLC0415
    from lumina_cli.recipes.data.fetch import known_data  # noqa: PLC0415  numpy

    known = list(known_data())
    if json:
        print_json({"data_sets": [asdict(each) | {"folder": str(each.folder)} for each in known]})
    else:
        show_known(known)
