"""Layers: what flags and environment set, by the names that settings have now."""

import difflib
from collections.abc import Callable, Collection, Mapping

from lumina_cli.errors import UsageError
from lumina_cli.renamed_settings import RENAMED

Layer = tuple[dict[str, object], dict[str, str]]
"""Values by setting, and the name of the place each comes from."""

Notices = tuple[str, ...]

ALIASES = {"nhead": "num_heads"}
"""Other names of settings, wherever a setting is named."""

FLAGS = {"class_code": "--class"}
"""Flags that are not called as their settings."""

ENV_PREFIX = "LUMINA_"
ENV_NOT_SETTINGS = {"LUMINA_CACHE_DIR", "LUMINA_API_KEY"}


def layer_of_flags(flags: Mapping[str, object]) -> tuple[Layer, Notices]:
    """Return what flags set; None where one was not given."""
    given = {name: value for name, value in flags.items() if value is not None}
    return renamed((given, {name: _as_flag(name) for name in given}), spelled=_as_flag)


def _as_flag(name: str) -> str:
    return FLAGS.get(name, f"--{name.replace('_', '-')}")


def _as_variable(name: str) -> str:
    return ENV_PREFIX + name.upper()


def renamed(
    layer: Layer, *, spelled: Callable[[str], str], where: str = ""
) -> tuple[Layer, Notices]:
    """Return a layer by the names that settings have now, and a line for each older one.

    Args:
        layer: as it was given.
        spelled: says a setting's name as it is written there.
        where: stands behind such names.

    Raises:
        UsageError: a setting is given by both its names.
    """
    values, sources = layer
    notices: list[str] = []
    for old, new in RENAMED.items():
        if old not in values:
            continue
        if new in values:
            raise UsageError(
                f"{spelled(old)} and {spelled(new)}{where} are the same setting",
                hint=f"Leave out {spelled(old)}.",
            )
        values[new], sources[new] = values.pop(old), sources.pop(old)
        notices.append(f"{spelled(old)}{where} is now called {spelled(new)}")
    return (values, sources), tuple(notices)


def layer_of_environment(
    environ: Mapping[str, str], *, known: Collection[str]
) -> tuple[Layer, Notices]:
    """Return what variables set, of the settings that are known, and a line for each other."""
    values: dict[str, object] = {}
    sources: dict[str, str] = {}
    notices: list[str] = []
    for variable in sorted(environ):
        if not variable.startswith(ENV_PREFIX) or variable in ENV_NOT_SETTINGS:
            continue
        name = known_name(variable.removeprefix(ENV_PREFIX).lower(), known=known)
        if name is None:
            notices.append(f"{variable} is not a setting and has no effect")
        else:
            values[name], sources[name] = environ[variable], variable
    layer, renamed_notices = renamed((values, sources), spelled=_as_variable)
    return layer, (*notices, *renamed_notices)


def without_fixed(layer: Layer, fixed: Collection[str]) -> Notices:
    """Take the settings that can't be set out of a layer, and tell of each."""
    values, places = layer
    notices = [
        f"{name} has no effect on a model that is trained already (from {places.pop(name)})"
        for name in fixed
        if values.pop(name, None) is not None
    ]
    return tuple(notices)


def known_name(name: str, *, known: Collection[str]) -> str | None:
    """Return the name of a setting by that or another name of it; None where there is none."""
    name = ALIASES.get(name, name)
    return name if name == "preset" or name in RENAMED or name in known else None


def did_you_mean(name: str, *, known: Collection[str]) -> str:
    """Return a hint for somebody who named a setting that there is not."""
    close = difflib.get_close_matches(name, [*known, *ALIASES, "preset"], n=1)
    return f"Did you mean {close[0]!r}?" if close else "See: lumina train --help"
