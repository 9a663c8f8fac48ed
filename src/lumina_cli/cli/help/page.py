"""A command's help as plain text: the options that most people need, or all of them.

Drawn without Rich: importing it would take longer than everything else that `--help` does.
"""

import inspect
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from lumina_cli.cli.help.everyday import EVERYDAY
from lumina_cli.cli.help.mistakes import CommandLineError
from lumina_cli.errors import UsageError

MAX_WIDTH = 100
"""Longer lines are hard to read."""
MAX_NAMES_WIDTH = 30
"""Names that are longer have their help on the next line."""
WANTS_ALL = "lumina.help_all"
OWN_OPTIONS = "Options"
HEADING, NAME = "bold", "cyan"
_COMMAND, _HELD = re.compile(r"(?<=: )lumina [^.,;()]*"), "\xa0"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a list: what can be typed, and what it does."""

    names: str
    text: str


class HelpCommand(TyperCommand):
    """A command that explains itself in plain text."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Read the arguments; an error knows which command it is about."""
        try:
            return super().parse_args(ctx, args)
        except CommandLineError as error:
            error.__dict__["ctx"] = error.__dict__.get("ctx") or ctx
            raise

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(help_page(self, ctx))


class HelpGroup(TyperGroup):
    """A group of commands that explains itself in plain text, if nothing else is asked of it."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help())
            raise typer.Exit(UsageError.exit_code)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(help_page(self, ctx))


def show_all(ctx: typer.Context, value: bool) -> None:  # noqa: FBT001  (Typer calls it so)
    """Print the help with every option and end the command."""
    if value and not ctx.resilient_parsing:
        ctx.meta[WANTS_ALL] = True
        typer.echo(ctx.get_help())
        raise typer.Exit


def help_page(command: Any, ctx: Any) -> str:
    """Return the help of a command or of a group of them."""
    width = min(shutil.get_terminal_size().columns, MAX_WIDTH)
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    parts = [_styled("Usage:", HEADING) + f" {_usage(command, ctx)}"]
    parts += [_filled(paragraph, width) for paragraph in paragraphs]
    parts += [_list(title, rows, width=width) for title, rows in _sections(command, ctx)]
    if command.epilog:
        parts.append(_filled(command.epilog, width, indent=""))
    return "\n\n".join(parts) + "\n"


def _usage(command: Any, ctx: Any) -> str:
    pieces = [ctx.command_path, "[OPTIONS]"]
    for argument in _shown(command, ctx, kind="argument"):
        name = _metavar(argument)
        pieces.append(name if argument.required else f"[{name}]")
    return " ".join([*pieces, *(["COMMAND"] if hasattr(command, "commands") else [])])


def _sections(command: Any, ctx: Any) -> Iterator[tuple[str, Sequence[Row]]]:
    """Yield each list of the help with its title."""
    if isinstance(command, TyperGroup):
        members = [command.get_command(ctx, name) for name in command.list_commands(ctx)]
        yield "Commands", [Row(str(each.name), _first_line(each.help)) for each in members if each]
    arguments = [Row(_metavar(each), _help(each)) for each in _shown(command, ctx, kind="argument")]
    if arguments:
        yield "Arguments", arguments
    options = _shown(command, ctx, kind="option")
    everyday = EVERYDAY.get(ctx.command_path.removeprefix("lumina "))
    if everyday is None or ctx.meta.get(WANTS_ALL):
        for title, group in groupby(options, key=_title):
            yield title, [_option_row(each) for each in group]
        return
    by_name = {each.name: each for each in options}
    chosen = [by_name[name] for name in (*everyday, "help")]
    show_all_row = Row("    --help-all", f"Show all {len(options)} options.")
    yield OWN_OPTIONS, [*map(_option_row, chosen), show_all_row]


def _shown(command: Any, ctx: Any, *, kind: str) -> list[Any]:
    return [
        each
        for each in command.get_params(ctx)
        if each.param_type_name == kind and not getattr(each, "hidden", False)
    ]


def _title(option: Any) -> str:
    return getattr(option, "rich_help_panel", None) or OWN_OPTIONS


def _option_row(option: Any) -> Row:
    short = [name for name in option.opts if not name.startswith("--")]
    long = [name for name in option.opts if name.startswith("--")]
    names = ", ".join([*short, *long, *option.secondary_opts])
    indent = "" if short else "    "
    return Row(f"{indent}{names} {_metavar(option)}".rstrip(), _help(option))


def _metavar(parameter: Any) -> str:
    if parameter.metavar:
        return str(parameter.metavar)
    if parameter.param_type_name == "argument":
        return str(parameter.name).upper()
    return "" if parameter.is_flag or parameter.count else "TEXT"


def _help(parameter: Any) -> str:
    """Return what a parameter does, with its default where there is one to tell."""
    text = " ".join((parameter.help or "").split())
    if parameter.required and parameter.param_type_name == "option":
        return f"{text} Required."
    default = parameter.show_default
    if default is True and not getattr(parameter, "count", False):
        default = parameter.default
    if isinstance(default, bool) or default is None or default == () or callable(default):
        return text
    return f"{text} Default: {default}." if str(default) else text


def _first_line(text: str | None) -> str:
    return inspect.cleandoc(text or "").partition("\n")[0]


def _list(title: str, rows: Sequence[Row], *, width: int) -> str:
    column = 4 + min(max(len(row.names) for row in rows), MAX_NAMES_WIDTH)
    lines = [_styled(f"{title}:", HEADING)]
    for row in rows:
        indent = " " * column
        wrapped = _filled(row.text, width, indent=indent)
        names = "  " + _styled(row.names, NAME)
        if len(row.names) > column - 4:
            lines += [names, wrapped]
        else:
            lines.append(names + " " * (column - 2 - len(row.names)) + wrapped.removeprefix(indent))
    return "\n".join(lines)


def _filled(text: str, width: int, *, indent: str = "  ") -> str:
    """Return lines of this width; a command to paste stays on one."""
    text = _COMMAND.sub(lambda told: told[0].replace(" ", _HELD), text)
    filled = textwrap.fill(
        text,
        max(width, len(indent) + 20),
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return filled.replace(_HELD, " ")


def _styled(text: str, style: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return text in bold or in a colour, on a terminal that is to show them."""
    is_plain = environ.get("NO_COLOR") or environ.get("TERM") == "dumb"
    if is_plain or not sys.stdout.isatty():
        return text
    indent = len(text) - len(text.lstrip())
    return text[:indent] + typer.style(
        text[indent:], bold=style == HEADING, fg=None if style == HEADING else style
    )
