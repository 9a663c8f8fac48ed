"""200 clients that send a byte now and then, and one that wants to know how the server is."""

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from statistics import quantiles

import pytest

from tests.server.live import PATIENCE_S, PATIENT, serving, status_of, until
from tests.server.process import process

NUM_SLOW = 200
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


def connect(port: int) -> socket.socket:
    """Return a socket to the server."""
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)


def test_while_200_clients_are_slow_another_one_is_answered() -> None:
    with serving(limits=PATIENT) as live, contextlib.ExitStack() as stack:
        slow = [stack.enter_context(live.connect()) for _ in range(NUM_SLOW)]
        for sock in slow:
            sock.sendall(b"GET / HTTP/1.1\r\nX: ")
        with live.connect() as sock:
            for _ in range(10):
                for other in slow:
                    other.sendall(b"a")
                sock.sendall(HEALTH)
                assert status_of(until(sock, b"ok")) == 200


@contextlib.contextmanager
def slow_clients(port: int, *, num_clients: int, pause_s: float) -> Iterator[None]:
    """Keep slow clients going; each that is cut off comes again."""
    is_over = threading.Event()
    thread = threading.Thread(target=_be_slow, args=(port, num_clients, pause_s, is_over))
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _be_slow(port: int, num_clients: int, pause_s: float, is_over: threading.Event) -> None:
    with selectors.DefaultSelector() as selector:
        socks = {connect(port) for _ in range(num_clients)}
        for sock in socks:
            sock.sendall(b"GET / HTTP/1.1\r\nX: ")
            selector.register(sock, selectors.EVENT_READ)
        while not is_over.wait(pause_s):
            ended = {key.fileobj for key, _ in selector.select(timeout=0)}
            for sock in list(socks):
                if sock in ended or not _send_byte(sock):
                    selector.unregister(sock)
                    sock.close()
                    socks.remove(sock)
                    socks.add(another := connect(port))
                    selector.register(another, selectors.EVENT_READ)
        for sock in socks:
            sock.close()


def _send_byte(sock: socket.socket) -> bool:
    try:
        sock.sendall(b"a")
    except ConnectionError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("num_clients", [200, 400])
def test_health_is_answered_within_100_ms_while_others_are_slow(num_clients: int) -> None:
    """More than may be connected, too: 400 slow clients drive one another out, not this one.

    Tried three times, since other programs may need the machine meanwhile.
    """
    assert any(_p99_s(num_clients=num_clients) < 0.1 for _ in range(3))


def _p99_s(*, num_clients: int) -> float:
    """Return in what time 99 of 100 requests are answered, in seconds."""
    seconds = []
    with (
        process(grace_s=0) as server,
        slow_clients(server.port, num_clients=num_clients, pause_s=0.5),
    ):
        for _ in range(300):
            begin_s = time.monotonic()
            with connect(server.port) as sock:
                sock.sendall(HEALTH)
                assert status_of(until(sock, b"ok")) == 200
            seconds.append(time.monotonic() - begin_s)
            time.sleep(0.01)
    p50_s, p99_s = quantiles(seconds, n=100)[49], quantiles(seconds, n=100)[98]
    print(f"{num_clients} slow: p50 {p50_s * 1000:.1f} ms, p99 {p99_s * 1000:.1f} ms")
    return p99_s
