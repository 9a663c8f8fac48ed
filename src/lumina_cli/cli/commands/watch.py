"""`lumina watch`: training runs on a page, while they go on and afterwards."""

import os
from pathlib import Path
from typing import Annotated

import typer

from lumina_cli.cli.commands.serve import log_to_stderr, tell_address
from lumina_cli.cli.console import notice
from lumina_cli.cli.options import ConfigPath, HelpAll, Quiet, Verbose, with_settings
from lumina_cli.cli.signals import FIRST_STATUS
from lumina_cli.cli.verbosity import verbosity
from lumina_cli.recipes.watch.watch import watch
from lumina_cli.server.config import ServeConfig

WITHOUT = ("class_code", "max_queue", "max_streams", "request_timeout_s", "log_prompts")
"""Settings of texts that are generated."""


@with_settings(ServeConfig, without=WITHOUT)
def command(
    *,
    folder: Annotated[
        Path,
        typer.Argument(
            help="Folder with runs (Model.run).",
            metavar="FOLDER",
            show_default="this folder",
            readable=False,
        ),
    ] = Path(),
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser.")
    ] = False,
    config: ConfigPath = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
    help_all: HelpAll = False,
    **flags: object,
) -> None:
    """Watch training runs in the browser: loss, samples, and what they mean.

    Needs no model and no GPU; runs that go on are followed.
    """
    log_to_stderr(is_verbose=verbosity.level > 0)
    number = watch(
        folder,
        flags=flags,
        environ=os.environ,
        toml=config,
        notice=notice,
        on_started=lambda url: tell_address(f"Watching {folder}", url, opens=open_browser),
    )
    if number is not None:
        raise typer.Exit(FIRST_STATUS + number)
