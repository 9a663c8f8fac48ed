"""Routes behind what keeps strangers out: counted, logged, and with errors that programs read."""

import time
from collections.abc import Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lumina_cli.server.api.errors import ApiError
from lumina_cli.server.api.openapi import Description, openapi
from lumina_cli.server.api.protocol import to_json
from lumina_cli.server.config import ServeConfig
from lumina_cli.server.http.access_log import AccessLog
from lumina_cli.server.metrics import Metrics
from lumina_cli.server.security.api_key import ApiKey
from lumina_cli.server.security.middleware import Security, SecurityPolicy
from lumina_cli.server.security.seats import Seated, Seats

OTHER = "other"
"""The route of a request that leads nowhere."""


def guarded(
    routes: Sequence[Route],
    *,
    described: Sequence[Description],
    page: Sequence[Route],
    config: ServeConfig,
    key: ApiKey | None,
    metrics: Metrics,
) -> ASGIApp:
    """Return the whole application of some routes.

    Args:
        routes: that ask for the key.
        described: what they take and answer, for /openapi.json.
        page: files that everybody may read.
        config: whom to let in.
        key: what requests must carry; None where nobody needs one.
        metrics: counts.

    Raises:
        UsageError: an origin in the settings is none.
    """
    public = frozenset({"/health", *(route.path for route in page)})
    policy = SecurityPolicy.from_config(config, key=key, public_paths=public)
    handlers: Any = {ApiError: _answer_error, HTTPException: _answer_http_error}
    every = [*routes, _description_route(described), *page]
    router = Starlette(routes=every, exception_handlers=handlers)
    router.router.redirect_slashes = False
    app = Seated(router, seats=Seats()) if config.is_class else router
    return AccessLog(Metered(Security(app, policy=policy), metrics=metrics, routes=every))


class Metered:
    """Counts the requests of an application.

    Args:
        app: the application.
        metrics: where to count.
        routes: those that are told apart.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, routes: Sequence[Route]) -> None:
        self._app = app
        self._metrics = metrics
        self._paths = {route.path for route in routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, then count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began_s = 0, time.monotonic()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            route = scope["path"] if scope["path"] in self._paths else OTHER
            self._metrics.count_request(route, status, seconds=time.monotonic() - began_s)


def _description_route(described: Sequence[Description]) -> Route:
    told = to_json(openapi(described))

    async def describe(request: Request) -> Response:
        return Response(told, media_type="application/json")

    return Route("/openapi.json", describe, methods=["GET"])


async def _answer_error(request: Request, error: ApiError) -> Response:
    return _response(error)


async def _answer_http_error(request: Request, error: HTTPException) -> Response:
    if error.status_code == 404:
        known = "See GET /openapi.json for what there is."
        return _response(ApiError(f"There is no such page. {known}", status=404, code="not_found"))
    code = error.detail.lower().replace(" ", "_")  # method_not_allowed
    headers = error.headers or {}
    return _response(
        ApiError(f"{error.detail}.", status=error.status_code, code=code, headers=headers)
    )


def _response(error: ApiError) -> Response:
    return Response(
        to_json(error.content()),
        status_code=error.status,
        headers=error.headers,
        media_type="application/json",
    )
