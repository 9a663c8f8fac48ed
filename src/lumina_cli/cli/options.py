"""Options made from settings: a flag for each field of the rooms' configs.

Flags keep what was typed as it was typed. Numbers are read and bounds are checked by the
configs alone, so that a wrong flag, variable and TOML key are told in the same words.
"""

import inspect
import types
import typing
from collections.abc import Callable, Collection, Mapping
from copy import copy
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lumina_cli.cli.help.completion import choices, models
from lumina_cli.cli.help.page import show_all
from lumina_cli.cli.verbosity import verbosity
from lumina_cli.renamed_settings import RENAMED
from lumina_cli.setting_sources.layers import ALIASES

LONGEST_METAVAR = 30
"""A longer list of names would squeeze the help texts beside it; it stands in them instead."""

Function = TypeVar("Function", bound=Callable[..., Any])


def _be_quiet(value: bool) -> bool:  # noqa: FBT001  (Typer calls it so)
    if value:
        verbosity.level = -1
    return value


def _be_verbose(value: int) -> int:
    if value:
        verbosity.level = value
    return value


# Paths are not `readable` to Click: it looks twice, and tells a file that goes in between, as a
# model does while a run begins anew, as a wrong option. Whoever opens one tells what is wrong.
ModelPath = Annotated[
    Path,
    typer.Option(
        "--model", "-m", help="Model file.", metavar="FILE", autocompletion=models, readable=False
    ),
]
ConfigPath = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="TOML file with settings.",
        metavar="FILE",
        show_default="lumina.toml",
        readable=False,
    ),
]
HelpAll = Annotated[
    bool,
    typer.Option(
        "--help-all",
        help="Show all options and exit.",
        callback=show_all,
        is_eager=True,
    ),
]
OWN_SAMPLER = {"sampler": "nucleus, unless the model file names another"}
"""A preset may keep settings of the sampler in the model."""

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print errors only.", callback=_be_quiet)
]
Verbose = Annotated[
    int,
    typer.Option(
        "--verbose", "-v", count=True, help="Print more; -vv adds tracebacks.", callback=_be_verbose
    ),
]


def with_settings(
    *configs: type[BaseModel],
    without: Collection[str] = (),
    defaults: Mapping[str, object] | None = None,
    descriptions: Mapping[str, str] | None = None,
) -> Callable[[Function], Function]:
    """Replace the `**flags` of a command by an option for each field of `configs`.

    The command receives them by the name of the setting, None where not given.

    Args:
        configs: whose fields to take.
        without: fields that would have no effect there.
        defaults: what the help tells for settings whose default differs in this command.
        descriptions: what the help tells for settings that do something else there.
    """
    told, described = dict(defaults or {}), dict(descriptions or {})

    def decorate(function: Function) -> Function:
        signature = inspect.signature(function)
        own = [
            parameter
            for parameter in signature.parameters.values()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        options = [
            option
            for config in configs
            for name, field in config.model_fields.items()
            if name not in without
            for option in _options(
                name,
                _described(field, described.get(name)),
                panel=_panel(config),
                default=told.get(name, field.default),
            )
        ]
        new_signature = signature.replace(parameters=own + options)
        function.__signature__ = new_signature  # type: ignore[attr-defined]
        function.__annotations__ = {
            parameter.name: parameter.annotation for parameter in new_signature.parameters.values()
        }
        return function

    return decorate


def _described(field: FieldInfo, description: str | None) -> FieldInfo:
    """Return the field with another description, if there is one."""
    if description is None:
        return field
    own = copy(field)
    own.description = description
    return own


def _options(
    name: str, field: FieldInfo, *, panel: str, default: object
) -> list[inspect.Parameter]:
    """Return the option of a setting, and a hidden one for the name that it had before."""
    before = [old for old, new in RENAMED.items() if new == name]
    return [
        _option(name, field, panel=panel, default=default),
        *(_option(old, field, panel=panel, default=default, hidden=True) for old in before),
    ]


def _option(
    name: str, field: FieldInfo, *, panel: str, default: object, hidden: bool = False
) -> inspect.Parameter:
    kind, metavar = _flag_type(field.annotation)
    option = typer.Option(
        *_flag_names(name, can_be_unset=kind is bool and field.default is True),
        help=_help_text(field, default=default),
        metavar=metavar,
        show_default=False,  # Typer would show None: the default is the config's
        rich_help_panel=panel,
        hidden=hidden,
        autocompletion=_choices(field.annotation),
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, option],
    )


def _choices(annotation: object) -> Callable[[str], list[str]] | None:
    """Return the completion of a setting that is one of some names."""
    names = [
        name
        for kind in _alternatives(annotation)
        if typing.get_origin(kind) is Literal
        for name in map(str, typing.get_args(kind))
    ]
    return choices(tuple(names)) if names else None


def _flag_names(name: str, *, can_be_unset: bool) -> list[str]:
    names = [alias for alias, target in ALIASES.items() if target == name] + [name]
    flags = [f"--{each.replace('_', '-')}" for each in names]
    return [f"{flag}/--no-{flag.removeprefix('--')}" for flag in flags] if can_be_unset else flags


def _flag_type(annotation: object) -> tuple[Any, str | None]:
    """Return the type that Typer should read, and how it is shown."""
    kinds = [kind for kind in _alternatives(annotation) if kind is not type(None)]
    if kinds == [bool]:
        return bool, None
    if typing.get_origin(kinds[0]) in (tuple, list):
        return list[str], "TEXT"
    if typing.get_origin(kinds[0]) is Literal:
        names = "|".join(map(str, typing.get_args(kinds[0])))
        return str, names if len(names) <= LONGEST_METAVAR else "NAME"
    shown = {int: "INTEGER", float: "NUMBER"}
    return str, next((shown[kind] for kind in kinds if kind in shown), "TEXT")


def _alternatives(annotation: object) -> tuple[Any, ...]:
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return typing.get_args(annotation)
    return (annotation,)


def _help_text(field: FieldInfo, *, default: object) -> str:
    assert field.description, "a setting needs a description"
    text = field.description
    if _flag_type(field.annotation)[1] == "NAME":
        text += f" One of: {', '.join(map(str, typing.get_args(field.annotation)))}."
    if default is None or default is False or default in ((), ""):
        return text
    return f"{text} Default: {default}."


def _panel(config: type[BaseModel]) -> str:
    return config.__name__.removesuffix("Config")
