"""`lumina look`: what a model learnt, shown on a text."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from lumina_cli.cli.console import (
    never_fail_to_encode,
    notice,
    print_json,
    stderr_console,
    typed_text,
)
from lumina_cli.cli.help.completion import models
from lumina_cli.cli.options import (
    OWN_SAMPLER,
    ConfigPath,
    HelpAll,
    Json,
    ModelPath,
    Quiet,
    Verbose,
    with_settings,
)
from lumina_cli.core.config import ComputeConfig
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.errors import UsageError

if TYPE_CHECKING:
    from lumina_cli.look.views import CompareView, View
    from lumina_cli.recipes.look.looker import Looker
    from lumina_cli.recipes.look.request import LookRequest

VIEWS = ("next", "surprise", "matters", "source", "layers", "heads", "characters")
MAX_DIGITS = 4
_UNUSED = ("num_candidates", "speculate", "precision", "kernels")


def _view(name: str, text: str) -> Any:
    return typer.Option(f"--{name}", help=text, rich_help_panel="Views")


@with_settings(SamplingConfig, ComputeConfig, without=_UNUSED, defaults={**OWN_SAMPLER, "seed": 0})
def command(
    *,
    text: Annotated[
        str,
        typer.Argument(
            help="What is said to the model; to one that learnt no conversations, a text it reads.",
            show_default=False,
        ),
    ] = "",
    model: ModelPath = Path("Model.pth"),
    reply: Annotated[
        str | None,
        typer.Option(
            "--reply",
            metavar="TEXT",
            help="What the bot says to it, in place of the model's own reply.",
            show_default=False,
        ),
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Take TEXT as plain text, not as a message.")
    ] = False,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="TEXT",
            help="Which character is explained: where this begins in the reply, or its number. "
            "By default the one that the model was least sure of.",
            show_default=False,
        ),
    ] = None,
    next: Annotated[bool, _view("next", "What may come next.")] = False,
    surprise: Annotated[
        bool, _view("surprise", "How unsure the model was, character by character.")
    ] = False,
    matters: Annotated[
        bool, _view("matters", "What mattered for a character: each earlier one hidden.")
    ] = False,
    source: Annotated[bool, _view("source", "Where the words stand in the training text.")] = False,
    layers: Annotated[bool, _view("layers", "The best guess after each layer.")] = False,
    heads: Annotated[bool, _view("heads", "What attention heads look at, and are worth.")] = False,
    characters: Annotated[
        bool, _view("characters", "Which characters are alike to the model.")
    ] = False,
    off: Annotated[
        list[str],
        typer.Option(
            "--off",
            metavar="LAYER.HEAD",
            help="With --heads: switch a head off, such as 1.2 (repeatable).",
            rich_help_panel="Views",
            show_default=False,
        ),
    ] = [],  # noqa: B006  Typer's way to a list
    compare: Annotated[
        Path | None,
        typer.Option(
            "--compare",
            metavar="FILE",
            help="Show another model, too: same text, same seed.",
            autocompletion=models,
            rich_help_panel="Views",
            readable=False,
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="FILE",
            help="Write all views into one page for a browser, which works offline.",
            show_default=False,
            readable=False,
        ),
    ] = None,
    with_model: Annotated[
        bool,
        typer.Option(
            "--with-model",
            help="With --html: the model lives in the page, for another text to be typed there.",
        ),
    ] = False,
    config: ConfigPath = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
    help_all: HelpAll = False,
    **flags: object,
) -> None:
    """Look into a model: what it expects, what mattered, where its words come from."""
    never_fail_to_encode()
    chosen = (next, surprise, matters, source, layers, heads, characters)
    view = _one_of([name for name, is_chosen in zip(VIEWS, chosen, strict=True) if is_chosen])
    if html is not None or with_model:
        _check_page(html, view, is_json=json, compare=compare)
        view = "overview"
    looker = _open(model, flags=flags, config=config)
    request = _request(looker, view, typed_text(text), reply=reply, is_plain=plain, at=at, off=off)
    if html is not None:
        _write_page(looker, request, html, with_model=with_model)
    else:
        other = None if compare is None else _open(compare, flags=flags, config=config)
        _show(looker, request, other=other, is_json=json)


def _one_of(views: list[str]) -> str:
    if len(views) > 1:
        raise UsageError(
            f"--{views[0]} and --{views[1]} can't be given together", hint="Use one of them."
        )
    return views[0] if views else "overview"


def _open(path: Path, *, flags: dict[str, object], config: Path | None) -> "Looker":
    """Open a model as it is looked into: by torch, in fp32."""
    from lumina_cli.recipes.infer.loaded_model import open_model  # noqa: PLC0415  torch
    from lumina_cli.recipes.look.looker import Looker  # noqa: PLC0415  torch

    exact = {**flags, "engine": "torch", "precision": "fp32"}
    loaded = open_model(path, flags=exact, environ=os.environ, toml=config)
    for line in loaded.notices:
        notice(line)
    return Looker(loaded)


def _request(
    looker: "Looker",
    view: str,
    text: str,
    *,
    reply: str | None,
    is_plain: bool,
    at: str | None,
    off: list[str],
) -> "LookRequest":
    from lumina_cli.recipes.look.request import parse_request  # noqa: PLC0415  torch

    for given, flag, used_by in (
        (at, "--at", ("matters", "heads", "overview")),
        (off, "--off", ("heads",)),
    ):
        if given and view not in used_by:
            notice(f"{flag} has no effect without --{used_by[0]}")
    if not text and not reply and view != "characters":
        raise UsageError("there is no text to look into", hint='Give one: lumina look "Hello"')
    common: dict[str, object] = {"view": view, "at": at, "off": list(map(_head, off))}
    if view == "characters":
        return parse_request({**common, "characters": text})
    if is_plain or not looker.is_chatbot:
        if reply is not None:
            raise UsageError("--reply is for messages, not for plain text", hint="Leave it out.")
        return parse_request({**common, "text": text})
    messages = [{"role": "user", "text": text}]
    if reply is not None:
        messages.append({"role": "bot", "text": typed_text(reply)})
    is_ended = view != "next"
    return parse_request({**common, "messages": messages, "draw_reply": True, "is_ended": is_ended})


def _head(name: str) -> list[int]:
    """Return layer and head, from 0, of a name that counts them from 1."""
    layer, _, head = name.partition(".")
    if not all(part.isdecimal() and len(part) <= MAX_DIGITS for part in (layer, head)):
        raise UsageError(f"--off takes a layer and a head, such as 1.2, not {name[:20]!r}")
    return [int(layer) - 1, int(head) - 1]


def _check_page(path: Path | None, view: str, *, is_json: bool, compare: Path | None) -> None:
    """Tell which flags a page makes idle. Raises UsageError where they go against it."""
    if path is None:
        raise UsageError("--with-model needs a page", hint="Add: --html look.html")
    if compare is not None:
        raise UsageError("--html shows one model", hint="Leave --compare out.")
    for flag in [f"--{view}"] * (view != "overview") + ["--json"] * is_json:
        notice(f"{flag} has no effect with --html: the page shows all views")


def _write_page(looker: "Looker", request: "LookRequest", path: Path, *, with_model: bool) -> None:
    from lumina_cli.recipes.look.page import write_look_page  # noqa: PLC0415  torch

    num_bytes = write_look_page(looker, request, path, with_model=with_model)
    notice(f"{path}: {num_bytes / 1e6:,.1f} MB; open it in a browser")


def _show(
    looker: "Looker", request: "LookRequest", *, other: "Looker | None", is_json: bool
) -> None:
    from lumina_cli.look.views import to_json  # noqa: PLC0415  torch
    from lumina_cli.recipes.look.compare import compare  # noqa: PLC0415  torch

    with stderr_console().status("looking …"):
        shown = looker.look(request) if other is None else compare(looker, other, request)
    if is_json:
        print_json(to_json(shown))
    else:
        _draw(shown)


def _draw(shown: "View | CompareView") -> None:
    from lumina_cli.cli.views.look.canvas import Canvas  # noqa: PLC0415  torch
    from lumina_cli.cli.views.look.draw import lines_of  # noqa: PLC0415  torch

    console = Console(file=sys.stdout, highlight=False)
    for line in lines_of(shown, Canvas.of(console)):
        console.print(line, soft_wrap=not console.is_terminal)
