"""Libraries of other programs: each is needed by some exports only, and may be missing."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from lumina_cli.errors import UsageError
from lumina_cli.extras import install_command


def needed(module: str) -> Any:
    """Import a library without which nothing can be written.

    Raises:
        UsageError: it is not installed.
    """
    found = optional(module)
    if found is None:
        package = module.partition(".")[0]
        raise UsageError(
            f"this export needs the package {package}",
            hint=f"Install what exports need: {install_command('export')}",
        )
    return found


def optional(module: str) -> Any | None:
    """Import a library, or return None where it is not installed."""
    try:
        return import_module(module)
    except ModuleNotFoundError:
        return None


def is_installed(module: str) -> bool:
    """Whether a library is there, without importing it."""
    return find_spec(module) is not None


def name_and_version(package: str) -> str:
    """Return how a library is named in a report: `transformers 5.23.0`."""
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package
