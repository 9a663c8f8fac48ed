"""A server in a process of its own: for signals, and where its speed counts."""

import contextlib
import os
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.server.live import PATIENCE_S

SCRIPT = """
import os, sys
from lumina_cli.server.config import ServeConfig
from lumina_cli.server.http.access_log import AccessLog
from lumina_cli.server.http.serving import HttpServer
from tests.server.live import PATIENT, SmallApp

def tell(line):
    print(line, flush=True)

app = SmallApp()
config = ServeConfig(port=0, shutdown_grace_s=float(sys.argv[1]))
server = HttpServer(
    AccessLog(app), config=config, limits=PATIENT,
    on_started=tell, on_reload=lambda: tell("reloaded"),
)
tell(f"received {server.run_until_stopped()}")
"""


class Process:
    """A server that runs, by its process and its port."""

    def __init__(self, popen: "subprocess.Popen[str]") -> None:
        self.popen = popen
        self.port = int(self.line().rpartition(":")[2])

    def line(self) -> str:
        """Return the next line that it prints."""
        assert self.popen.stdout is not None
        return self.popen.stdout.readline().strip()

    def ask(self, request_bytes: bytes) -> socket.socket:
        """Send a request that is not answered yet."""
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)
        sock.sendall(request_bytes)
        return sock


@contextlib.contextmanager
def process(*, grace_s: float) -> Iterator[Process]:
    """Run a server in a process until the test ends."""
    root = Path(__file__).resolve().parents[2]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)])}
    popen = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), str(grace_s)],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    watchdog = threading.Timer(2 * PATIENCE_S, popen.kill)
    watchdog.start()
    try:
        yield Process(popen)
    finally:
        popen.kill()
        popen.wait()
        watchdog.cancel()
        for stream in (popen.stdout, popen.stderr):
            assert stream is not None
            stream.close()
