"""`lumina chat`: talk to a model."""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lumina_cli.cli.chat.last_chat import keep_last_chat, last_chat
from lumina_cli.cli.console import never_fail_to_encode, stderr_console, typed_text
from lumina_cli.cli.formatting import counted
from lumina_cli.cli.options import (
    OWN_SAMPLER,
    ConfigPath,
    HelpAll,
    ModelPath,
    Quiet,
    Verbose,
    with_settings,
)
from lumina_cli.cli.starting import starting_line
from lumina_cli.core.config import ComputeConfig, EngineConfig
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.errors import UsageError
from lumina_cli.settings import CHAT_DEFAULTS

if TYPE_CHECKING:
    from lumina_cli.chat.session import Session
    from lumina_cli.chat.session_file import SavedSession
    from lumina_cli.cli.views.chat import ChatView
    from lumina_cli.cli.views.replies import ReplyForm


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
    system: Annotated[
        str,
        typer.Option(
            "--system",
            metavar="TEXT",
            help="System message: how the bot is to be.",
            show_default=False,
        ),
    ] = "",
    load: Annotated[
        Path | None,
        typer.Option(
            "--load",
            metavar="FILE",
            help="Go on with a chat that was saved by /save.",
            readable=False,
        ),
    ] = None,
    goes_on: Annotated[
        bool, typer.Option("--continue", help="Go on with the last chat at this terminal.")
    ] = False,
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
    if goes_on and load is not None:
        raise UsageError("--continue and --load can't be given together", hint="Use one of them.")
    saved = _saved_chat(last_chat() if goes_on else load)
    is_interactive = prompt is None and sys.stdin is not None and sys.stdin.isatty()
    form: ReplyForm = "json" if json else "text" if is_interactive or prompt is not None else "line"

    def begin() -> "tuple[Session, ChatView]":
        from lumina_cli.cli.views.chat import ChatView  # noqa: PLC0415  torch
        from lumina_cli.recipes.infer.loaded_model import open_model  # noqa: PLC0415  torch

        ready = open_model(model, flags=flags, environ=os.environ, toml=config)
        view = ChatView(
            stderr_console(), has_labels=is_interactive and not json, quiet=quiet, form=form
        )
        for text in ready.notices:
            view.notice(text)
        session = ready.session()
        if saved is not None:
            _go_on(session, saved, view=view, flags=flags)
        if system:
            session.set_system(typed_text(system))
        if is_interactive:
            view.header(ready.card, session.config)
        return session, view

    if is_interactive:
        _chat_with_person(begin, is_there=model.is_file())
        return
    session, view = begin()
    if prompt is not None:
        _answer_one(session, typed_text(prompt).strip(), view=view, model=model)
        return
    _chat_with_pipe(session, view=view)


def _saved_chat(path: Path | None) -> "SavedSession | None":
    """Return a chat that was saved; None where none is asked for."""
    if path is None:
        return None
    from lumina_cli.chat.session_file import read_session  # noqa: PLC0415  torch

    return read_session(path)


def _go_on(
    session: "Session", saved: "SavedSession", *, view: "ChatView", flags: dict[str, object]
) -> None:
    """Go on with a saved chat, which has sampler settings of its own."""
    session.restore(saved)
    view.notice(f"going on after {counted(session.stats().turns, 'turn')} (/history shows them)")
    for name in SamplingConfig.model_fields:
        if flags.get(name) is not None:
            view.notice(f"{name} has no effect: a saved chat goes on with its own settings")


def _answer_one(session: "Session", prompt: str, *, view: "ChatView", model: Path) -> None:
    """Print the reply to one message, which is never taken for a command."""
    if not prompt:
        from lumina_cli.cli.views.next_step import model_flag  # noqa: PLC0415  torch

        view.no_reply(prompt=prompt)
        named = model_flag(model)
        view.notice(
            f"an empty message gets no reply; say something: lumina chat{named} --prompt Hi"
        )
        return
    view.reply(session.say(prompt), prompt=prompt)
    view.candidates(session.candidates)
    for text in session.take_notices():
        view.notice(text)


def _chat_with_person(begin: "Callable[[], tuple[Session, ChatView]]", *, is_there: bool) -> None:
    """Chat at a terminal; where the editor can, the model is loaded while a person types."""
    from lumina_cli.cli.chat.line_editor import PROMPT, make_editor  # noqa: PLC0415

    editor, first, is_warned = make_editor(), None, False
    if is_there and editor.shows_lines_above:
        with ThreadPoolExecutor(max_workers=1) as pool:
            starting_line.erase()
            loading = pool.submit(begin)
            try:
                first = editor.read(PROMPT)
            except EOFError:
                return
            except KeyboardInterrupt:
                if not loading.done():
                    return
                is_warned = True
            session, view = loading.result()
    else:
        session, view = begin()
    from lumina_cli.cli.chat.loop import LEAVING, ChatLoop  # noqa: PLC0415  torch

    if is_warned:
        view.line(LEAVING, style="dim")
    try:
        ChatLoop(session, view=view, editor=editor, first=first, is_warned=is_warned).run()
    finally:
        keep_last_chat(session)


def _chat_with_pipe(session: "Session", *, view: "ChatView") -> None:
    """Answer the lines of a pipe."""
    from lumina_cli.cli.chat.line_editor import PipeEditor  # noqa: PLC0415
    from lumina_cli.cli.chat.loop import ChatLoop  # noqa: PLC0415  torch

    loop = ChatLoop(session, view=view, editor=PipeEditor(), is_interactive=False)
    loop.run()
    if loop.exit_code:
        raise typer.Exit(loop.exit_code)
