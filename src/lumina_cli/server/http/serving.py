"""The server from its first connection to its clean end."""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from lumina_cli.server.config import ServeConfig
from lumina_cli.server.http.limits import HttpLimits
from lumina_cli.server.http.listener import listen, url_of
from lumina_cli.server.http.protocol import bounded_protocol
from lumina_cli.server.http.signals import ServerSignals

_LAST_WORDS_S = 0.5
_TICK_S = 1.0

logger = logging.getLogger("lumina.server")


class HttpServer(uvicorn.Server):
    """uvicorn's server with signals of its own, that tells where it listens.

    Args:
        app: the application; what goes wrong in it is the application's to log.
        config: how long a text may take to end, and the bounds of a connection.
        limits: other bounds than those of the config, for tests.
        on_started: called with the address once connections are taken.
        on_reload: called at SIGHUP, in a thread, never twice at once.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        config: ServeConfig,
        limits: HttpLimits | None = None,
        on_started: Callable[[str], None] = lambda _: None,
        on_reload: Callable[[], None] = lambda: None,
        lifespan: str = "off",
    ) -> None:
        protocol = bounded_protocol(limits or HttpLimits.from_config(config))
        super().__init__(_uvicorn_config(app, protocol, config=config, lifespan=lifespan))
        self.signals = ServerSignals(stop=self.stop, reload=self._reload)
        self._host, self._port = config.host, config.port
        self._on_started = on_started
        self._on_reload = on_reload
        self._is_reloading = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_stopping = asyncio.Event()

    def run_until_stopped(self) -> int | None:
        """Serve until a signal or `stop`; return the signal's number, None without one.

        Raises:
            LuminaError: the address can't be listened on.
        """
        with listen(self._host, self._port) as listener:
            self.run(sockets=[listener])
        return self.signals.received

    def stop(self) -> None:
        """Take no more connections, let running answers end, then return from the run."""
        self.should_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended already
                self._loop.call_soon_threadsafe(self._is_stopping.set)

    async def main_loop(self) -> None:
        """Sleep until the server is stopped; once a second the date of its answers moves on."""
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_stopping.wait(), timeout=_TICK_S)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections, and tell where."""
        await super().startup(sockets=sockets)
        if self.started and sockets:
            self._on_started(url_of(self._host, sockets[0].getsockname()[1]))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End in peace, then cut off what the time of grace was too short for."""
        await super().shutdown(sockets=sockets)
        if tasks := self.server_state.tasks:
            await asyncio.wait(tasks, timeout=_LAST_WORDS_S)  # they are cancelled, and say so
        await self._flush()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # the connections are told that they are lost

    async def _flush(self) -> None:
        """Wait a little until clients have read what is written."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + _LAST_WORDS_S
        while self.server_state.connections and loop.time() < end_s:
            await asyncio.sleep(0.01)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals while serving."""
        with self.signals.watch():
            yield

    def _reload(self) -> None:
        threading.Thread(target=self._reload_once, name="reload", daemon=True).start()

    def _reload_once(self) -> None:
        with self._is_reloading:
            try:
                self._on_reload()
            except Exception:  # the old state goes on serving
                logger.exception("reloading failed")


def _uvicorn_config(
    app: ASGIApp, protocol: type, *, config: ServeConfig, lifespan: str
) -> uvicorn.Config:
    settings: dict[str, Any] = {
        "http": protocol,
        "ws": "none",
        "loop": "asyncio",
        "lifespan": lifespan,
        "workers": 1,
        "log_config": None,
        "log_level": "critical",  # one line for each bad request of a stranger helps nobody
        "access_log": False,
        "proxy_headers": False,  # anybody can send X-Forwarded-For
        "server_header": False,
        "timeout_graceful_shutdown": config.shutdown_grace_s,
    }
    return uvicorn.Config(app, **settings)
