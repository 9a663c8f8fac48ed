"""A server that many use in many ways at once, for as long as one likes.

    SOAK_S=3600 pytest -m slow tests/cli/test_soak.py

It leaves nothing behind: no memory, thread, open file or row.
"""

import contextlib
import itertools
import json
import os
import random
import re
import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytest.importorskip("uvicorn", reason="the extra [serve] is not installed")

from tests.server.live import PATIENCE_S, wait_for

from .serve_program import KEY, Program, program

SECONDS = float(os.environ.get("SOAK_S", "60"))
NUM_CLIENTS = 12
CLIENT_PATIENCE_S = 6 * PATIENCE_S
MAX_GROWTH_BYTES = 12 << 20
"""More than an allocator's noise in a server that is warm."""

ASKED = {"prompt": "abc", "max_tokens": 20, "seed": 5}


@dataclass
class Held:
    """What the server's process holds (Linux)."""

    resident_bytes: int
    num_threads: int
    num_files: int


def held_by(pid: int) -> Held:
    process = Path(f"/proc/{pid}")
    status = process.joinpath("status").read_text(encoding="ascii")
    resident = re.search(r"VmRSS:\s+(\d+)", status)
    assert resident is not None
    return Held(
        resident_bytes=1024 * int(resident[1]),
        num_threads=len(list((process / "task").iterdir())),
        num_files=len(list((process / "fd").iterdir())),
    )


class Client:
    """Asks in another way each time; what goes wrong on purpose is no failure."""

    def __init__(self, address: tuple[str, int], seed: int) -> None:
        self._address = address
        self._random = random.Random(seed)

    def ask(self) -> None:
        ways = (
            self._read_all,
            self._read_all,
            self._go_away,
            self._read_slowly,
            self._say_nonsense,
        )
        self._random.choice(ways)()

    def _read_all(self) -> None:
        with self._begin(self._body()) as sock:
            answer = b""
            while data := sock.recv(65536):
                answer += data
        assert answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 429")), answer[:200]

    def _go_away(self) -> None:
        with self._begin({**self._body(), "max_tokens": 5000, "stream": True}) as sock:
            sock.recv(self._random.choice((1, 200, 2000)))

    def _read_slowly(self) -> None:
        with self._begin({**self._body(), "max_tokens": 90, "stream": True}) as sock:
            for _ in range(40):
                if not sock.recv(50):
                    return
                time.sleep(0.01)

    def _say_nonsense(self) -> None:
        with socket.create_connection(self._address, timeout=CLIENT_PATIENCE_S) as sock:
            nonsense = (
                b"GET / HTTP/1.1\r\nHost: ",
                b"\x16\x03\x01",
                b"POST /v1/completions HTTP/1.1",
            )
            sock.sendall(self._random.choice(nonsense))

    def _body(self) -> dict[str, object]:
        draw = self._random
        return {
            "prompt": "".join(draw.choices("abc de", k=draw.randint(1, 80))),
            "max_tokens": draw.randint(1, 60),
            "n": draw.choice((1, 1, 1, 3)),
            "stream": draw.random() < 0.5,
            "logprobs": draw.choice((None, None, 3)),
            "temperature": draw.choice((0, 0.8, 1.5)),
        }

    def _begin(self, body: dict[str, object]) -> socket.socket:
        raw = json.dumps(body).encode()
        sock = socket.create_connection(self._address, timeout=CLIENT_PATIENCE_S)
        sock.sendall(
            f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n"
            f"Connection: close\r\nContent-Length: {len(raw)}\r\n\r\n".encode()
            + raw
        )
        return sock


def soak(address: tuple[str, int], seconds: float) -> tuple[int, list[BaseException]]:
    """Let clients ask for so long; return how often they did, and what failed."""
    counts = itertools.count()
    failures: list[BaseException] = []
    end = time.monotonic() + seconds

    def use(seed: int) -> None:
        client = Client(address, seed)
        while time.monotonic() < end and not failures:
            next(counts)
            with contextlib.suppress(ConnectionError):
                _noting(failures, client.ask)

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(NUM_CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return next(counts), failures


def _noting(failures: list[BaseException], act: Callable[[], None]) -> None:
    try:
        act()
    except (AssertionError, TimeoutError) as error:
        failures.append(error)


def is_idle(running: Program) -> bool:
    request = urllib.request.Request(
        running.url_of("/metrics"), headers={"Authorization": f"Bearer {KEY}"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        text = answer.read().decode()
    return "lumina_texts_running 0\n" in text and "lumina_texts_waiting 0\n" in text


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="it looks into /proc")
def test_a_server_in_use_leaves_nothing_behind(letters_model: Path) -> None:
    with program("-m", letters_model, LUMINA_API_KEY=KEY) as running:
        parts = urlsplit(running.url_of(""))
        address = (parts.hostname or "", parts.port or 0)
        pid = running.popen.pid
        first = running.ask("/v1/completions", ASKED)["choices"][0]["text"]
        soak(address, SECONDS / 2)  # pools and caches fill
        wait_for(lambda: is_idle(running))
        before = held_by(pid)
        num_asked, failures = soak(address, SECONDS / 2)
        assert not failures, failures[0]
        wait_for(lambda: is_idle(running))
        wait_for(lambda: held_by(pid).num_files <= before.num_files)
        after = held_by(pid)
        print(f"{num_asked:,} requests; before {before}, after {after}")
        assert num_asked > SECONDS / 2
        assert after.num_threads <= before.num_threads
        assert after.resident_bytes - before.resident_bytes < MAX_GROWTH_BYTES
        assert running.ask("/v1/completions", ASKED)["choices"][0]["text"] == first
        assert not [line for line in running.lines if "rror" in line or "Traceback" in line]
