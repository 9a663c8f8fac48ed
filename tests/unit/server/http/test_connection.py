"""The bounds of a connection, without a socket."""

import pytest

pytest.importorskip("h11", reason="the extra [serve] is not installed")

import h11

from lumina_cli.server.http.connection import BoundedConnection
from lumina_cli.server.http.limits import HttpLimits

LIMITS = HttpLimits(max_header_bytes=500, max_body_bytes=100, max_chunks=3)
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\n"


def read_all(connection: BoundedConnection) -> list[object]:
    """Return what was read, up to where more is needed."""
    events: list[object] = []
    while (event := connection.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
        events.append(event)
    return events


def status_after(*pieces: bytes) -> int | None:
    """Return the status that the pieces are refused with, None if they are not."""
    connection = BoundedConnection(LIMITS)
    try:
        for piece in pieces:
            connection.receive_data(piece)
            read_all(connection)
    except h11.RemoteProtocolError:
        assert connection.refusal
        return connection.refusal.status
    assert connection.refusal is None
    return None


def test_a_body_is_taken_up_to_the_bound() -> None:
    assert status_after(POST + b"Content-Length: 100\r\n\r\n" + b"a" * 100) is None
    assert status_after(POST + b"Content-Length: 101\r\n\r\n") == 413


def test_a_chunked_body_is_refused_with_the_byte_that_is_too_much() -> None:
    head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    assert status_after(head, b"64\r\n" + b"a" * 100 + b"\r\n") is None
    assert status_after(head, b"64\r\n" + b"a" * 100 + b"\r\n", b"1\r\na") == 413
    assert status_after(head, b"ffffffffff\r\n" + b"a" * 101) == 413


def test_few_bytes_in_many_chunks_are_refused() -> None:
    head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    assert status_after(head, b"1\r\na\r\n" * 3 + b"0\r\n\r\n") is None
    assert status_after(head, b"1\r\na\r\n" * 4) == 413


def test_what_h11_refuses_has_a_status_of_ours() -> None:
    assert status_after(POST + b"Transfer-Encoding: gzip\r\n\r\n") == 400
    assert status_after(POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * 500) == 431


def test_bounds_begin_anew_with_each_request() -> None:
    connection = BoundedConnection(LIMITS)
    for number in range(1, 4):
        connection.receive_data(POST + b"Content-Length: 100\r\n\r\n" + b"a" * 100)
        read_all(connection)
        assert connection.num_requests == number
        connection.send(h11.Response(status_code=204, headers=[]))
        connection.send(h11.EndOfMessage())
        connection.start_next_cycle()


def test_it_knows_whether_a_head_has_begun() -> None:
    connection = BoundedConnection(LIMITS)
    assert not connection.has_partial_head
    connection.receive_data(POST)
    read_all(connection)
    assert connection.has_partial_head
    connection.receive_data(b"\r\n")
    read_all(connection)
    assert not connection.has_partial_head
