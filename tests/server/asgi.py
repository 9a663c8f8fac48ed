"""Ask an application in this process, without a socket; and every route that it has."""

import asyncio
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra [serve] is not installed")

from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "LUMINA")


@dataclass(frozen=True)
class Answer:
    """What an application answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        """The error object of OpenAI."""
        error = json.loads(self.body)["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert isinstance(error, dict)
        return error


def ask(
    app: ASGIApp,
    path: str = "/v1/models",
    *,
    method: str = "GET",
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    body: bytes = b"",
) -> Answer:
    """Send one request; without a Host among the headers it is for localhost."""
    path, _, query = path.partition("?")
    pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
    if not any(name.lower() == "host" for name, _ in pairs):
        pairs.insert(0, ("host", "localhost:8000"))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
    return asyncio.run(_ask(app, scope, body))


async def _ask(app: ASGIApp, scope: dict[str, Any], body: bytes) -> Answer:
    received: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[Message] = []

    async def receive() -> Message:
        return received.pop() if received else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    headers = {name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]}
    content = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(status=sent[0]["status"], headers=headers, body=content)


def every_route(routes: Iterable[BaseRoute], *, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield method and path of each route of an application, also of those below a mount."""
    for route in routes:
        if isinstance(route, Mount):
            path = prefix + _filled(route.path)
            yield from every_route(route.routes or [], prefix=path)
            yield "GET", f"{path}/anything"
        elif isinstance(route, Route):
            for method in route.methods or METHODS:
                yield method, prefix + _filled(route.path)
        else:
            yield "GET", prefix + _filled(getattr(route, "path", "/"))


def assert_key_guards(
    app: ASGIApp,
    routes: Iterable[BaseRoute],
    *,
    key: str,
    public_paths: frozenset[str],
) -> int:
    """Check that each route, but for reading the public ones, asks for the key.

    Args:
        app: the whole application, guarded.
        routes: of the application within.
        key: the right one.
        public_paths: what may be read without.

    Returns:
        How many of the pairs of method and path ask for the key.
    """
    pairs = {*every_route(routes), *(("POST", path) for path in public_paths)}
    pairs |= {(method, path) for _, path in pairs for method in METHODS}
    num_guarded = 0
    for method, path in sorted(pairs):
        is_public = path in public_paths and method in ("GET", "HEAD")
        for headers in ({}, {"authorization": f"Bearer {key}x"}, {"authorization": key}):
            status = ask(app, path, method=method, headers=headers).status
            assert (status != 401) == is_public, f"{method} {path}: {status}"
        num_guarded += not is_public
    return num_guarded


def _filled(path: str) -> str:
    """Return a path with something for each of its parameters."""
    return re.sub(r"{[^}]*}", "anything", path)
