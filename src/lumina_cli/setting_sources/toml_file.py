"""Settings files: TOML, read without trust where nobody named the file."""

import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from lumina_cli.errors import MissingInputError, UsageError
from lumina_cli.io.regular_file import read_whole
from lumina_cli.setting_sources.layers import Layer, Notices, did_you_mean, known_name, renamed

DEFAULT_TOML = Path("lumina.toml")
_NO_FILE = "Give the path of one, or leave out --config. What it can set: lumina train --help-all"

PATHS = {"replay", "api_key_file"}
"""Settings that may name a file or a folder. A `lumina.toml` that nobody named, and that may have
come with somebody else's folder, can name none outside of its own."""

EXPOSING = {"host", "no_auth", "cors_origin"}
"""Settings that let others reach a server. Such a `lumina.toml` can set none of them."""


def layer_of_toml(path: Path | None, *, known: Collection[str]) -> tuple[Layer, Notices]:
    """Return what a settings file sets, `lumina.toml` if there is one and none was named.

    Raises:
        UsageError: it is no TOML, or names a setting that is not known.
        MissingInputError: it is not there.
    """
    if path is None and not DEFAULT_TOML.is_file():
        return ({}, {}), ()
    path = path or DEFAULT_TOML
    values: dict[str, object] = {}
    for key, value in _read_toml(path).items():
        name = known_name(key, known=known)
        if name is None:
            raise UsageError(
                f"{key!r} in {path} is not a setting", hint=did_you_mean(key, known=known)
            )
        # As text, true is no number: Pydantic would take it for 1.
        values[name] = str(value).lower() if isinstance(value, bool) else value
    layer = values, dict.fromkeys(values, str(path))
    return renamed(layer, spelled=str, where=f" in {path}")


def refuse_paths_elsewhere(paths: Mapping[str, object]) -> None:
    """Refuse what a file that nobody named sets, where it leads out of the folder it lies in."""
    here = Path.cwd().resolve()
    for name, value in paths.items():
        if not Path(here, str(value)).resolve().is_relative_to(here):
            raise UsageError(
                f"{name} in {DEFAULT_TOML} leads out of this folder: {str(value)!r}",
                hint=f"If you mean it, name the file: --config {DEFAULT_TOML}",
            )


def refuse_exposing(names: Collection[str]) -> None:
    """Refuse what a file that nobody named sets, where it lets others reach a server."""
    for name in sorted(EXPOSING.intersection(names)):
        raise UsageError(
            f"{name} in {DEFAULT_TOML} would let others reach this machine",
            hint=f"If you mean it, name the file: --config {DEFAULT_TOML}",
        )


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        text = read_whole(path).decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        return _parse_toml(text, path=path)
    except FileNotFoundError:
        raise MissingInputError(f"there is no settings file {path}", hint=_NO_FILE) from None
    except OSError as error:
        raise MissingInputError(f"{path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _no_toml(path, error) from error


def _parse_toml(text: str, *, path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(text)
        str(values)  # raises where a number is too long to be told
    except RecursionError as error:
        raise _no_toml(path, "its brackets are nested too deep") from error
    except tomllib.TOMLDecodeError as error:
        raise _no_toml(path, error) from error
    except ValueError as error:
        found = _LONG_NUMBER.search(text)
        line = text.count("\n", 0, found.start()) + 1 if found else 0
        where = f" (at line {line})" if line else ""
        raise _no_toml(path, f"a number has thousands of digits{where}") from error
    return values


_LONG_NUMBER = re.compile(r"0x[0-9a-fA-F_]{3500,}|0[bo][01-7_]{4700,}|[0-9_]{4300,}")


def _no_toml(path: Path, reason: object) -> UsageError:
    hint = "A line looks like: batch_size = 16"
    return UsageError(f"{path} is not valid TOML: {reason}", hint=hint)
