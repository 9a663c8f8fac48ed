"""By which names the server goes."""

import socket

import pytest

from lumina_cli.server.security.hosts import allowed_hosts, is_loopback


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:65535", "[::1]", "[::1]:8000"],
)
def test_this_machine_goes_by_its_loopback_names_with_any_port(host: str) -> None:
    assert allowed_hosts("127.0.0.1").allow(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        ":8000",
        "evil.example",
        "localhost.evil.example",
        "evil.example:localhost",
        "localhost@evil.example",
        "localhost/",
        "localhost:",
        "localhost:123456",
        "localhost:8000:8000",
        "localhost,evil.example",
        " localhost",
        "localhost\n",
        "0.0.0.0",
        "127.0.0.2",
        "192.168.1.7",
        "::1",
        "[::1",
        "[::ffff:127.0.0.1]",
        "lоcalhost",
        "a" * 10_000,
    ],
)
def test_nothing_else_is_its_name(host: str) -> None:
    assert not allowed_hosts("127.0.0.1").allow(host)


def test_a_named_host_is_one_of_its_names() -> None:
    assert allowed_hosts("Lumina.Example").allow("lumina.example:8000")
    assert allowed_hosts("::1").allow("[::1]:8000")


def test_a_server_that_others_reach_goes_by_any_address_and_by_the_machines_name() -> None:
    names = allowed_hosts("0.0.0.0")
    for host in ("192.168.1.7:8000", "[fe80::1]", "localhost", socket.gethostname()):
        assert names.allow(host)
    assert not names.allow("evil.example")
    assert not names.allow("1.2.3.4.evil.example")


def test_the_host_of_an_allowed_origin_is_a_name_for_a_proxy() -> None:
    names = allowed_hosts("127.0.0.1", origins=["https://chat.example.org"])
    assert names.allow("chat.example.org")
    assert not names.allow("example.org")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.255.0.1", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.evil.example", False),
        ("127.1", False),
    ],
)
def test_only_loopback_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
