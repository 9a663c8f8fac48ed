"""What `lumina serve` and `lumina watch` need before they begin: packages and settings."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from lumina_cli.errors import UsageError
from lumina_cli.extras import install_command
from lumina_cli.server.config import ServeConfig
from lumina_cli.settings import Settings, resolve_settings

PACKAGES = ("starlette", "uvicorn", "h11")

Tell = Callable[[str], None]


def require_packages(command: str) -> None:
    """Refuse to go on where the packages of the extra are missing.

    Raises:
        UsageError: one is missing.
    """
    if any(find_spec(package) is None for package in PACKAGES):
        raise UsageError(
            f"lumina {command} needs packages that are not installed",
            hint=f"Install them: {install_command('serve')}",
        )


def serve_settings(
    *, flags: Mapping[str, object], environ: Mapping[str, str], toml: Path | None
) -> Settings:
    """Return the settings of the server itself."""
    own = {name: value for name, value in flags.items() if name in ServeConfig.model_fields}
    return resolve_settings((ServeConfig,), flags=own, environ=environ, toml=toml)
