"""The application: the API's routes and the pages, behind what keeps strangers out."""

from starlette.types import ASGIApp

from lumina_cli.server.api.look import LookApi
from lumina_cli.server.api.openapi import api_description
from lumina_cli.server.api.routes import Api
from lumina_cli.server.config import ServeConfig
from lumina_cli.server.generation.models import ModelRegistry
from lumina_cli.server.generation.thread import GenerationThread
from lumina_cli.server.guarded import guarded
from lumina_cli.server.metrics import Metrics
from lumina_cli.server.page import page_routes
from lumina_cli.server.runs.description import run_description
from lumina_cli.server.runs.routes import RunRoutes, Runs, run_page_routes
from lumina_cli.server.security.api_key import ApiKey


def make_app(
    models: ModelRegistry,
    thread: GenerationThread,
    *,
    config: ServeConfig,
    key: ApiKey | None = None,
    runs: Runs | None = None,
) -> ASGIApp:
    """Return the whole application.

    Args:
        models: those that are served.
        thread: generates their texts; it runs.
        config: whom to let in, and how much to take.
        key: what requests must carry; None where nobody needs one.
        runs: those that are shown, too.

    Raises:
        UsageError: an origin in the settings is none.
    """
    metrics, page = Metrics(), page_routes()
    routes = Api(models, thread, config=config, metrics=metrics).routes()
    routes += LookApi(models, thread, config=config).routes()
    described = [api_description()]
    if runs is not None:
        routes += RunRoutes(runs).routes()
        page += run_page_routes("/runs")
        described.append(run_description())
    return guarded(routes, described=described, page=page, config=config, key=key, metrics=metrics)
