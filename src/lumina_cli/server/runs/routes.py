"""The routes of runs: `/api/runs`, and of each its events and its curve."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lumina_cli.server.api.errors import ApiError
from lumina_cli.server.page import folder_routes

MAX_AFTER = 1 << 50
DEFAULT_POINTS, MIN_POINTS, MAX_POINTS = 800, 10, 2_000

Found = TypeVar("Found")


class Runs(Protocol):
    """Runs, as plain values; each call may read files."""

    def runs(self) -> Sequence[Mapping[str, Any]]:
        """Return what runs there are."""

    def events(self, name: str, *, after: int) -> Mapping[str, Any] | None:
        """Return the events of a run after a byte; None where there is no such run."""

    def curve(self, name: str, *, points: int) -> Mapping[str, Any] | None:
        """Return all that is drawn of a run; None where there is no such run."""


class RunRoutes:
    """What is asked of runs, and how it is answered.

    Args:
        runs: that are shown.
    """

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/api/runs", self.list_runs, methods=["GET"]),
            Route("/api/runs/{name}/events", self.events, methods=["GET"]),
            Route("/api/runs/{name}/curve", self.curve, methods=["GET"]),
        ]

    async def list_runs(self, request: Request) -> Response:
        """Tell which runs there are."""
        return json_response({"runs": await run_in_threadpool(self._runs.runs)})

    async def events(self, request: Request) -> Response:
        """Tell what has happened since a byte of the file of events."""
        after = _number(request, "after", default=0, least=0, most=MAX_AFTER)
        return json_response(
            await self._found(request, lambda n: self._runs.events(n, after=after))
        )

    async def curve(self, request: Request) -> Response:
        """Tell all that is drawn; who has it already gets 304."""
        points = _number(
            request, "points", default=DEFAULT_POINTS, least=MIN_POINTS, most=MAX_POINTS
        )
        found = await self._found(request, lambda n: self._runs.curve(n, points=points))
        response = json_response(found)
        etag = f'"{hashlib.sha256(response.body).hexdigest()[:32]}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"ETag": etag})
        response.headers["ETag"] = etag
        return response

    async def _found(self, request: Request, find: Callable[[str], Found | None]) -> Found:
        name = request.path_params["name"]
        found = await run_in_threadpool(find, name)
        if found is None:
            raise ApiError(
                "There is no such run, or it is there no longer.", status=404, code="run_not_found"
            )
        return found


def run_page_routes(at: str) -> list[Route]:
    """Return the routes of the page of runs, which itself is at a path."""
    return folder_routes("run_page", at=at)


def json_response(content: object) -> Response:
    """Return values as JSON; a text may hold half a surrogate pair, which only ASCII can tell."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return Response(text, media_type="application/json")


def _number(request: Request, name: str, *, default: int, least: int, most: int) -> int:
    given = request.query_params.get(name)
    if given is None:
        return default
    is_number = given.isascii() and given.isdigit() and len(given) <= len(str(most))
    if not is_number or not least <= int(given) <= most:
        raise ApiError(
            f"{name} must be a whole number from {least} to {most}.",
            param=name,
            code="invalid_value",
        )
    return int(given)
