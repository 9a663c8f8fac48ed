"""`lumina serve`: a model behind an API and a chat page."""

import logging
import os
import sys
import webbrowser
from pathlib import Path
from typing import Annotated, TextIO

import typer

from lumina_cli.cli.console import notice, print_text, stderr_console
from lumina_cli.cli.help.completion import models
from lumina_cli.cli.options import OWN_SAMPLER, ConfigPath, HelpAll, Quiet, Verbose, with_settings
from lumina_cli.cli.signals import FIRST_STATUS
from lumina_cli.cli.verbosity import verbosity
from lumina_cli.core.config import ComputeConfig, EngineConfig
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.io.folders.run_names import model_name
from lumina_cli.io.terminal_text import one_line
from lumina_cli.recipes.server_packages import require_packages
from lumina_cli.server.config import ServeConfig
from lumina_cli.settings import CHAT_DEFAULTS

WITHOUT = ("class_code", "num_beams", "length_penalty", "num_candidates")
"""Settings of beam search, which does not stream; and one that has an option of its own."""


@with_settings(
    ServeConfig,
    SamplingConfig,
    ComputeConfig,
    EngineConfig,
    without=WITHOUT,
    defaults={**CHAT_DEFAULTS, **OWN_SAMPLER},
)
def command(
    *,
    model: Annotated[
        list[Path] | None,
        typer.Option(
            "--model",
            "-m",
            help="Model file (repeatable).",
            metavar="FILE",
            autocompletion=models,
            show_default="Model.pth",
            readable=False,
        ),
    ] = None,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the chat page in the browser.")
    ] = False,
    runs: Annotated[
        Path | None,
        typer.Option(
            help="Show the training runs in this folder, too (/runs).",
            metavar="FOLDER",
            readable=False,
        ),
    ] = None,
    class_code: Annotated[
        str | None,
        typer.Option(
            "--class", help=ServeConfig.model_fields["class_code"].description, metavar="CODE"
        ),
    ] = None,
    config: ConfigPath = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
    help_all: HelpAll = False,
    **flags: object,
) -> None:
    """Serve models to programs (OpenAI's API) and people (a chat page).

    Requests that don't say how to sample are answered by the settings below.
    """
    require_packages("serve")
    from lumina_cli.recipes.serve import serve  # noqa: PLC0415  torch

    log_to_stderr(is_verbose=verbosity.level > 0 or bool(flags.get("log_prompts")))

    def started(url: str) -> None:
        names = ", ".join(model_name(path) for path in model or [Path("Model.pth")])
        tell_address(f"Serving {names}", url, opens=open_browser)

    number = serve(
        model or [Path("Model.pth")],
        runs=runs,
        flags={**flags, "class_code": class_code},
        environ=os.environ,
        toml=config,
        notice=notice,
        on_started=started,
    )
    if number is not None:
        raise typer.Exit(FIRST_STATUS + number)


def tell_address(what: str, url: str, *, opens: bool) -> None:
    """Tell where a server is, and open the address in the browser."""
    print_text(stderr_console(), one_line(f"{what} at {url} (Ctrl-C stops)"))
    if opens and not webbrowser.open(url):
        notice("No browser was found; open the address yourself.")


def log_to_stderr(*, is_verbose: bool) -> None:
    """Write the server's log, a line for each request where it is asked for."""
    handler = _Patient(sys.stderr)
    handler.setFormatter(_OneLine("%(asctime)s %(message)s"))
    logger = logging.getLogger("lumina.server")
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(logging.INFO if is_verbose else logging.WARNING)


class _Patient(logging.StreamHandler[TextIO]):
    """Loses a line that can't be written; a log that fails has no room for why."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (logging calls it so)
        pass


class _OneLine(logging.Formatter):
    """Lines that obey no terminal; of a fault of ours the traceback follows."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging calls it so)
        return one_line(super().formatMessage(record), max_chars=100_000)

    def formatException(self, ei: object) -> str:  # noqa: N802
        lines = super().formatException(ei).splitlines()  # type: ignore[arg-type]
        return "\n".join(one_line(line, max_chars=2_000) for line in lines)
