"""`lumina watch`: the runs of a folder on a page, without a model."""

from collections.abc import Mapping
from pathlib import Path

from lumina_cli.errors import MissingInputError, UsageError
from lumina_cli.io.folders.run_names import RUN_SUFFIX
from lumina_cli.recipes.server_packages import Tell, require_packages, serve_settings
from lumina_cli.recipes.watch.shelf import RunShelf
from lumina_cli.server.config import ServeConfig


def check_folder(folder: Path) -> Path:
    """Return the folder in which runs are looked for; of a run's own folder the one around it.

    Raises:
        MissingInputError: there is no such folder.
        UsageError: it is no folder.
    """
    if not folder.exists():
        raise MissingInputError(
            f"there is no folder {folder}", hint="Name the one that your models are in."
        )
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder", hint="Name the one that your models are in.")
    folder = folder.resolve()
    return folder.parent if folder.suffix == RUN_SUFFIX else folder


def watch(
    folder: Path,
    *,
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    toml: Path | None,
    notice: Tell,
    on_started: Tell,
) -> int | None:
    """Show the runs of a folder until a signal asks for the end; return its number.

    Args:
        folder: in which `*.run` lie, or will.
        flags: settings by name, None where not given.
        environ: the environment.
        toml: the settings file.
        notice: told what is worth knowing.
        on_started: told the address once the server can be reached.

    Raises:
        LuminaError: a package or the folder is missing, or a setting is wrong.
    """
    require_packages("watch")
    from lumina_cli.server.http.serving import HttpServer  # noqa: PLC0415  optional packages
    from lumina_cli.server.runs.app import make_watch_app  # noqa: PLC0415
    from lumina_cli.server.security.api_key import read_api_key  # noqa: PLC0415
    from lumina_cli.server.security.hosts import is_loopback  # noqa: PLC0415

    settings = serve_settings(flags=flags, environ=environ, toml=toml)
    config = settings.of(ServeConfig)
    key = read_api_key(config, environ, warn=notice)
    for line in settings.notices:
        notice(line)
    is_open = key is None and (bool(config.cors_origin) or not is_loopback(config.host))
    shelf = RunShelf(check_folder(folder), hides_text=is_open)
    app = make_watch_app(shelf, config=config, key=key)
    return HttpServer(app, config=config, on_started=on_started).run_until_stopped()
