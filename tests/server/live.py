"""A server on loopback in a thread, a small application for it, and raw sockets to it."""

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytest.importorskip("uvicorn", reason="the extra [serve] is not installed")

from starlette.types import ASGIApp, Receive, Scope, Send

from lumina_cli.server.config import ServeConfig
from lumina_cli.server.http.access_log import AccessLog
from lumina_cli.server.http.limits import HttpLimits
from lumina_cli.server.http.serving import HttpServer

PATIENCE_S = 20.0
"""Nothing here takes so long, but on a machine that many share."""

QUICK = HttpLimits(
    header_timeout_s=0.3,
    body_timeout_s=0.3,
    idle_timeout_s=0.3,
    write_timeout_s=0.3,
    linger_s=0.3,
    max_header_bytes=4096,
    max_body_bytes=10_000,
    send_buffer_bytes=4096,
)

PATIENT = HttpLimits(
    header_timeout_s=PATIENCE_S,
    body_timeout_s=PATIENCE_S,
    idle_timeout_s=PATIENCE_S,
    write_timeout_s=PATIENCE_S,
    max_header_bytes=16_384,
    max_body_bytes=10_000,
)


@dataclass
class SmallApp:
    """An application that reads bodies, streams without end, and remembers what it was told."""

    bodies: list[bytes] = field(default_factory=list)
    begun: threading.Event = field(default_factory=threading.Event)
    gone: threading.Event = field(default_factory=threading.Event)
    may_end: threading.Event = field(default_factory=threading.Event)
    streamed_bytes: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        assert scope["type"] == "http"
        answers = {"/health": self._ok, "/echo": self._echo, "/stream": self._stream}
        answers |= {"/wait": self._wait, "/fail": self._fail, "/half": self._half}
        answers |= {"/long": self._long, "/last": self._last}
        await answers.get(scope["path"], self._not_found)(receive, send)

    async def _ok(self, receive: Receive, send: Send) -> None:
        await respond(send, 200, b"ok")

    async def _not_found(self, receive: Receive, send: Send) -> None:
        await respond(send, 404, b"no such path")

    async def _fail(self, receive: Receive, send: Send) -> None:
        raise RuntimeError("this application is broken")

    async def _half(self, receive: Receive, send: Send) -> None:
        await start(send, 200)
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError("this application breaks off")

    async def _echo(self, receive: Receive, send: Send) -> None:
        body = b""
        self.begun.set()
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message["more_body"]:
                self.bodies.append(body)
                await respond(send, 200, body)
                return
        self.gone.set()

    async def _stream(self, receive: Receive, send: Send) -> None:
        """Send until the client is gone, as an answer of the model does."""
        listening = asyncio.ensure_future(self._listen(receive))
        await start(send, 200)
        self.begun.set()
        while not listening.done():
            await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
            self.streamed_bytes += 1000
            await asyncio.sleep(0)
        self.gone.set()

    async def _listen(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async def _long(self, receive: Receive, send: Send) -> None:
        """Work without a word, as for an answer that is sent whole, until the client is gone."""
        self.begun.set()
        await self._listen(receive)
        self.gone.set()

    async def _last(self, receive: Receive, send: Send) -> None:
        """Wait, and say a last long word when it is all over."""
        await start(send, 200)
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await send({"type": "http.response.body", "body": b"x" * 1_000_000 + b"the end"})
            raise

    async def _wait(self, receive: Receive, send: Send) -> None:
        """Answer only when the test says so."""
        self.begun.set()
        while not self.may_end.is_set():
            await asyncio.sleep(0.005)
        await respond(send, 200, b"at last")


async def start(send: Send, status: int, *, length: int | None = None) -> None:
    """Send the head of an answer."""
    headers = [(b"content-type", b"text/plain")]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def respond(send: Send, status: int, body: bytes) -> None:
    """Send a whole answer."""
    await start(send, status, length=len(body))
    await send({"type": "http.response.body", "body": body})


@dataclass
class Live:
    """A server that runs, and what it logged."""

    server: HttpServer
    app: SmallApp
    port: int
    thread: threading.Thread

    def connect(self, *, receive_buffer_bytes: int = 0) -> socket.socket:
        """Return a socket that waits for nothing longer than the tests' patience."""
        sock = socket.socket()
        if receive_buffer_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        sock.settimeout(PATIENCE_S)
        sock.connect(("127.0.0.1", self.port))
        return sock

    def send(self, data: bytes) -> bytes:
        """Send bytes and return all that comes until the server closes."""
        with self.connect() as sock:
            sock.sendall(data)
            return until_closed(sock)


@contextmanager
def serving(
    *,
    limits: HttpLimits = QUICK,
    app: SmallApp | None = None,
    wrap: Callable[[ASGIApp], ASGIApp] = AccessLog,
    shutdown_grace_s: float = 0.0,
) -> Iterator[Live]:
    """Run a server in a thread until the test ends."""
    app = app or SmallApp()
    config = ServeConfig(port=0, shutdown_grace_s=shutdown_grace_s)
    address: list[str] = []
    is_started = threading.Event()

    def on_started(url: str) -> None:
        address.append(url)
        is_started.set()

    server = HttpServer(wrap(app), config=config, limits=limits, on_started=on_started)
    thread = threading.Thread(target=server.run_until_stopped, daemon=True)
    thread.start()
    assert is_started.wait(PATIENCE_S)
    port = urlsplit(address[0]).port
    assert port
    try:
        yield Live(server=server, app=app, port=port, thread=thread)
    finally:
        app.may_end.set()
        server.stop()
        thread.join(PATIENCE_S)
    assert not thread.is_alive()


def until_closed(sock: socket.socket) -> bytes:
    """Return all that comes until the other side closes (or resets)."""
    received = b""
    try:
        while data := sock.recv(65536):
            received += data
    except ConnectionError:
        pass
    return received


def until(sock: socket.socket, end: bytes) -> bytes:
    """Return what comes up to this end."""
    received = b""
    while not received.endswith(end):
        data = sock.recv(65536)
        assert data, f"closed after {received!r}"
        received += data
    return received


def status_of(answer: bytes) -> int:
    """Return the status of the first answer."""
    assert answer.startswith(b"HTTP/1.1 "), answer
    return int(answer[9:12])


def statuses(answer: bytes) -> list[int]:
    """Return the status of each answer on a connection."""
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


def wait_for(condition: Callable[[], bool]) -> None:
    """Return once a condition holds; it fails after the tests' patience."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.005)


def open_sockets() -> int:
    """Return how many files this process has open (Linux)."""
    return len(list(Path("/proc/self/fd").iterdir()))


def resident_bytes() -> int:
    """Return how much memory this process takes (Linux)."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def no_tracebacks(caplog: pytest.LogCaptureFixture) -> bool:
    """Tell whether nothing was logged as an error, by the server or by asyncio."""
    return not [record for record in caplog.records if record.levelno >= logging.ERROR]
