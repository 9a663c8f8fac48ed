"""The application of `lumina watch`: runs alone, without a model."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from lumina_cli.server.config import ServeConfig
from lumina_cli.server.guarded import guarded
from lumina_cli.server.metrics import Metrics
from lumina_cli.server.runs.description import run_description
from lumina_cli.server.runs.routes import RunRoutes, Runs, json_response, run_page_routes
from lumina_cli.server.security.api_key import ApiKey


def make_watch_app(runs: Runs, *, config: ServeConfig, key: ApiKey | None = None) -> ASGIApp:
    """Return an application that shows runs; `/` is their page.

    Raises:
        UsageError: an origin in the settings is none.
    """
    health = Route("/health", _health, methods=["GET"])
    return guarded(
        [*RunRoutes(runs).routes(), health],
        described=[run_description()],
        page=run_page_routes("/"),
        config=config,
        key=key,
        metrics=Metrics(),
    )


async def _health(request: Request) -> Response:
    return json_response({"status": "ok"})
