"""`lumina serve`: models loaded, the server around them, and its end."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.io.folders.run_names import model_name
from lumina_cli.recipes.infer.loaded_model import LoadedModel, open_model
from lumina_cli.recipes.look.served import look_into
from lumina_cli.recipes.server_packages import Tell, require_packages, serve_settings
from lumina_cli.recipes.watch.shelf import RunShelf
from lumina_cli.recipes.watch.watch import check_folder
from lumina_cli.server.config import ServeConfig
from lumina_cli.server.generation.models import Look, ModelRegistry, ServedModel, file_state
from lumina_cli.server.generation.thread import GenerationThread


def serve(
    paths: Sequence[Path],
    *,
    runs: Path | None = None,
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    toml: Path | None,
    notice: Tell,
    on_started: Tell,
) -> int | None:
    """Serve models until a signal asks for the end; return its number.

    Args:
        paths: of the model files, the default one first.
        runs: a folder whose runs are shown, too.
        flags: settings by name, None where not given.
        environ: the environment.
        toml: the settings file.
        notice: told what is worth knowing.
        on_started: told the address once the server can be reached.

    Raises:
        LuminaError: a package, a model or a setting is missing or wrong.
    """
    require_packages("serve")
    from lumina_cli.server.app import make_app  # noqa: PLC0415  optional packages
    from lumina_cli.server.http.serving import HttpServer  # noqa: PLC0415
    from lumina_cli.server.security.api_key import read_api_key  # noqa: PLC0415
    from lumina_cli.server.security.hosts import is_loopback  # noqa: PLC0415
    from lumina_cli.server.security.room_code import read_room_code  # noqa: PLC0415

    settings = serve_settings(flags=flags, environ=environ, toml=toml)
    config = settings.of(ServeConfig)
    key = read_room_code(config, environ) or read_api_key(config, environ, warn=notice)
    is_private = is_loopback(config.host) and not config.cors_origin and key is None
    shelf = None if runs is None else RunShelf(check_folder(runs), hides_text=not is_private)
    thread = GenerationThread(
        max_streams=config.max_streams,
        max_queue=config.max_queue,
        tells_places=config.is_class,
    )
    told = set(settings.notices)
    for line in settings.notices:
        notice(line)

    def load(path: Path) -> ServedModel:
        state = file_state(path) if path.exists() else (0, 0, 0)  # `open_model` says what is wrong
        loaded = open_model(path, flags=_others(flags), environ=environ, toml=toml)
        for line in (*loaded.notices, *_cautions(loaded)):
            if line not in told:
                told.add(line)
                notice(line)
        model = _served(path, loaded, state, look=look_into(loaded, is_private=is_private))
        thread.prepare(model)
        return model

    thread.start()
    try:
        models = thread.call(lambda: ModelRegistry(paths, load=load, on_replaced=thread.forget))
        server = HttpServer(
            make_app(models, thread, config=config, key=key, runs=shelf),
            config=config,
            on_started=on_started,
            on_reload=lambda: thread.call(models.reload_replaced),  # elsewhere it slows all texts
        )
        return server.run_until_stopped()
    finally:
        thread.stop()


def _others(flags: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in flags.items() if name not in ServeConfig.model_fields}


def _cautions(loaded: LoadedModel) -> list[str]:
    cautions = []
    if not loaded.is_exact:
        cautions.append("in bf16 and int8 a text may depend on those that are generated beside it")
    if loaded.config.sampler == "beam":
        cautions.append("beam search has no effect here: texts are drawn by the nucleus sampler")
    return cautions


def _served(
    path: Path, loaded: LoadedModel, state: tuple[int, int, int], *, look: Look | None
) -> ServedModel:
    return ServedModel(
        name=model_name(path),
        file=loaded.file,
        reader=loaded.reader,
        sampling=_without_beams(loaded.config),
        num_parameters=loaded.card.num_parameters,
        has_conversations=_has_conversations(loaded),
        created=_seconds(loaded.file.metadata.get("created")),
        speculator=loaded.new_speculator(),
        file_state=state,
        look=look,
    )


def _without_beams(config: SamplingConfig) -> SamplingConfig:
    sampler = "nucleus" if config.sampler == "beam" else config.sampler
    return config.model_copy(update={"sampler": sampler})


def _has_conversations(loaded: LoadedModel) -> bool:
    """Whether a model learnt to reply; one that doesn't say is taken to."""
    return bool(loaded.file.metadata.get("conversations", True))


def _seconds(created: object) -> int:
    try:
        return max(0, int(datetime.fromisoformat(str(created)).timestamp()))
    except (ValueError, OverflowError, OSError):
        return 0
