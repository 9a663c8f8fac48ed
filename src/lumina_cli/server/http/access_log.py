"""A line for each request, without prompts and keys, and the last net below the application."""

import asyncio
import logging
import re
import time
from typing import cast

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lumina_cli.server.http.refusal import Refusal

logger = logging.getLogger("lumina.server")

INTERNAL_ERROR = Refusal(500, "The server made a mistake; its log says more.", "internal_error")
SHUTTING_DOWN = Refusal(
    503, "The server is shutting down.", "shutting_down", ((b"retry-after", b"10"),)
)

MAX_PATH_CHARS = 200

_CLIENT_GONE = 499
_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e]|\\")


def escaped(text: str) -> str:
    """Return printable ASCII: a line of the log stays one line, and no terminal obeys it."""
    return _NOT_PRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class AccessLog:
    """The outermost layer: it logs each request, and answers for an application that fails."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, then log it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        begin_s = time.monotonic()
        try:
            await _run_safely(self._app, scope, receive, answer)
        finally:
            seconds = time.monotonic() - begin_s
            logger.info("%s", _line(scope, status=answer.status, seconds=seconds))


class _Answer:
    """Passes messages on and remembers how the answer began."""

    def __init__(self, send: Send) -> None:
        self.status: int | None = None
        self._send = send

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)

    async def refuse(self, refusal: Refusal) -> None:
        body = refusal.body()
        headers = [*refusal.all_headers(body), (b"connection", b"close")]
        start = {"type": "http.response.start", "status": refusal.status, "headers": headers}
        await self(start)
        await self({"type": "http.response.body", "body": body})


async def _run_safely(app: ASGIApp, scope: Scope, receive: Receive, answer: _Answer) -> None:
    """Run an application; log what goes wrong, and answer if it has not begun to.

    An answer that has begun ends where it is: uvicorn then closes the connection without an end
    mark, so that no client takes it for whole.
    """
    try:
        await app(scope, receive, answer)
    except ClientDisconnect:
        answer.status = answer.status or _CLIENT_GONE
    except asyncio.CancelledError:
        if answer.status is None:
            await answer.refuse(SHUTTING_DOWN)
        raise
    except Exception:
        logger.exception("a request failed: %s", _line(scope, status=500, seconds=0))
        if answer.status is None:
            await answer.refuse(INTERNAL_ERROR)


def _line(scope: Scope, *, status: int | None, seconds: float) -> str:
    """Return a line of the log; the query is left out, since people put keys there."""
    client = scope.get("client") or ("-", 0)
    raw_path = cast(bytes, scope.get("raw_path") or scope["path"].encode())
    path = escaped(raw_path.decode("latin-1"))[:MAX_PATH_CHARS]
    method = escaped(scope["method"])[:MAX_PATH_CHARS]
    return f'{client[0]} "{method} {path}" {status or "-"} {seconds:.3f}s'
