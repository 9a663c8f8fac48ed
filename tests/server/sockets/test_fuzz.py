"""Requests at random: none makes an error of the server's, none waits for ever, none leaks."""

import os
import random
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.types import ASGIApp

from lumina_cli.server.config import ServeConfig
from lumina_cli.server.http.access_log import AccessLog
from lumina_cli.server.security.middleware import Security, SecurityPolicy
from tests.server.live import (
    QUICK,
    Live,
    no_tracebacks,
    open_sockets,
    resident_bytes,
    serving,
    status_of,
    statuses,
    until_closed,
    wait_for,
)
from tests.server.sockets.raw_requests import raw_request

LIMITS = replace(QUICK, header_timeout_s=0.1, body_timeout_s=0.1, idle_timeout_s=0.1, linger_s=0.1)
AT_ONCE = 50
EXPECTED = {100, 200, 204, 400, 403, 404, 408, 413, 421, 431}


def guarded(app: ASGIApp) -> ASGIApp:
    """Put before an application all that stands before the real one."""
    policy = SecurityPolicy.from_config(
        ServeConfig(), key=None, public_paths=frozenset({"/health"})
    )
    return AccessLog(Security(app, policy=policy))


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """A server with everything before it and short deadlines."""
    with serving(limits=LIMITS, wrap=guarded) as live:
        yield live


def fuzz(live: Live, *, num_requests: int, seed: int) -> set[int]:
    """Send requests, many at once, and return every status that was answered."""
    draw = random.Random(seed)
    found: set[int] = set()
    for _ in range(0, num_requests, AT_ONCE):
        requests = [raw_request(draw) for _ in range(AT_ONCE)]
        socks = [live.connect() for _ in requests]
        for number in (0, 1):
            for sock, pieces in zip(socks, requests, strict=True):
                _send(sock, pieces[number : number + 1])
        for sock, pieces in zip(socks, requests, strict=True):
            with sock:
                answered = set(statuses(until_closed(sock)))
            assert answered <= EXPECTED, pieces
            found |= answered
    return found


def _send(sock: socket.socket, pieces: list[bytes]) -> None:
    try:
        for piece in pieces:
            sock.sendall(piece)
    except ConnectionError:
        pass  # it was refused before its end


def _assert_at_rest(live: Live) -> None:
    state = live.server.server_state
    wait_for(lambda: not state.connections and not state.tasks)
    answer = live.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert status_of(answer) == 200


def test_300_requests_at_random_are_answered_or_refused(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    found = fuzz(live, num_requests=300, seed=0)
    assert {200, 400, 404, 408} <= found
    _assert_at_rest(live)
    assert no_tracebacks(caplog)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory and files are counted in /proc")
def test_10000_requests_at_random_leave_nothing_behind(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    seed = int(os.environ.get("LUMINA_FUZZ_SEED", "1"))
    fuzz(live, num_requests=1000, seed=seed)
    _assert_at_rest(live)
    files_before, bytes_before = open_sockets(), resident_bytes()
    fuzz(live, num_requests=9000, seed=seed + 1)
    _assert_at_rest(live)
    assert no_tracebacks(caplog)
    assert open_sockets() <= files_before
    assert resident_bytes() - bytes_before < 20_000_000
