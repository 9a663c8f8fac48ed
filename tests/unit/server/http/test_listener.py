"""Where the server can listen, and what is said where it can't."""

import errno
import os
import socket

import pytest

from lumina_cli.errors import OutputError, UsageError
from lumina_cli.server.http.listener import listen, url_of


def test_port_0_is_any_free_port() -> None:
    with listen("127.0.0.1", 0) as sock:
        host, port = sock.getsockname()
        assert host == "127.0.0.1"
        socket.create_connection((host, port), timeout=5).close()


def test_a_port_in_use_is_told_with_another_one() -> None:
    with listen("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        with pytest.raises(OutputError, match=rf"port {port} of 127\.0\.0\.1 is in use") as caught:
            listen("127.0.0.1", port)
    assert caught.value.hint.startswith("lumina serve --port ")


def test_the_last_port_has_a_neighbour_too(monkeypatch: pytest.MonkeyPatch) -> None:
    _fail_to_bind(monkeypatch, errno.EADDRINUSE)
    with pytest.raises(OutputError) as caught:
        listen("127.0.0.1", 65_535)
    assert "--port 65534" in caught.value.hint


def test_a_port_that_needs_rights_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    _fail_to_bind(monkeypatch, errno.EACCES)
    with pytest.raises(OutputError, match=r"port 80 of 127\.0\.0\.1 may not be used by you"):
        listen("127.0.0.1", 80)


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "a..b", "x" * 253])
def test_an_address_of_another_machine_is_told(host: str) -> None:
    with pytest.raises(UsageError, match="this machine has no address"):
        listen(host, 0)


def test_localhost_is_127_0_0_1() -> None:
    with listen("localhost", 0) as sock:
        assert sock.getsockname()[0] == "127.0.0.1"


def test_ipv6_is_listened_on_where_the_machine_has_it() -> None:
    try:
        with listen("::1", 0) as sock:
            assert sock.family == socket.AF_INET6
    except (OutputError, UsageError):
        pytest.skip("this machine has no IPv6")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("::1", "http://[::1]:8000"),
        ("lumina.example", "http://lumina.example:8000"),
    ],
)
def test_the_address_is_one_that_a_browser_here_can_open(host: str, url: str) -> None:
    assert url_of(host, 8000) == url


def _fail_to_bind(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def create_server(*_: object, **__: object) -> socket.socket:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(socket, "create_server", create_server)
