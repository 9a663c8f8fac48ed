"""`lumina chat`: talk to a model."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lumina_cli.cli.console import never_fail_to_encode, stderr_console, typed_text
from lumina_cli.cli.options import (
    OWN_SAMPLER,
    ConfigPath,
    HelpAll,
    ModelPath,
    Quiet,
    Verbose,
    with_settings,
)
from lumina_cli.core.config import ComputeConfig, EngineConfig
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.settings import CHAT_DEFAULTS

if TYPE_CHECKING:
    from lumina_cli.cli.views.chat import ChatView
    from lumina_cli.cli.views.replies import ReplyForm
    from lumina_cli.recipes.infer.loaded_model import LoadedModel


@with_settings(
    SamplingConfig, ComputeConfig, EngineConfig, defaults={**CHAT_DEFAULTS, **OWN_SAMPLER}
)
def command(
    *,
    model: ModelPath = Path("Model.pth"),
    prompt: Annotated[
        str | None,
        typer.Option(
            "--prompt",
            metavar="TEXT",
            help="Print the reply to this message and exit.",
            show_default=False,
        ),
    ] = None,
    config: ConfigPath = None,
    json: Annotated[
        bool,
        typer.Option("--json", help="Print each reply as one line of JSON, with its prompt."),
    ] = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
    help_all: HelpAll = False,
    **flags: object,
) -> None:
    """Chat with a model.

    Each line from a pipe is answered on one line. In a chat, help lists the commands.
    """
    never_fail_to_encode()
    from lumina_cli.cli.views.chat import ChatView  # noqa: PLC0415  torch
    from lumina_cli.recipes.infer.loaded_model import open_model  # noqa: PLC0415  torch

    ready = open_model(model, flags=flags, environ=os.environ, toml=config)
    is_interactive = prompt is None and sys.stdin is not None and sys.stdin.isatty()
    form: ReplyForm = "json" if json else "text" if is_interactive or prompt is not None else "line"
    view = ChatView(
        stderr_console(), has_labels=is_interactive and not json, quiet=quiet, form=form
    )
    for text in ready.notices:
        view.notice(text)
    if prompt is not None:
        _answer_one(ready, typed_text(prompt).strip(), view=view)
    else:
        _chat(ready, view=view, is_interactive=is_interactive)


def _answer_one(ready: "LoadedModel", prompt: str, *, view: "ChatView") -> None:
    """Print the reply to one message, which is never taken for a command."""
    if not prompt:
        return
    session = ready.session()
    view.reply(session.say(prompt), prompt=prompt)
    view.candidates(session.candidates)
    for text in session.take_notices():
        view.notice(text)


def _chat(ready: "LoadedModel", *, view: "ChatView", is_interactive: bool) -> None:
    """Chat with a person at a terminal, or answer the lines of a pipe."""
    from lumina_cli.cli.chat.line_editor import PipeEditor, make_editor  # noqa: PLC0415
    from lumina_cli.cli.chat.loop import ChatLoop  # noqa: PLC0415  torch

    if is_interactive:
        view.header(ready.card, ready.config)
    editor = make_editor() if is_interactive else PipeEditor()
    loop = ChatLoop(ready.session(), view=view, editor=editor, is_interactive=is_interactive)
    loop.run()
    if loop.exit_code:
        raise typer.Exit(loop.exit_code)
