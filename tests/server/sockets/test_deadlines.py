"""Clients that are slow, that go away or that do not read: none holds anything for long."""

import json
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.server.live import (
    PATIENCE_S,
    PATIENT,
    QUICK,
    Live,
    SmallApp,
    no_tracebacks,
    serving,
    status_of,
    statuses,
    until,
    until_closed,
    wait_for,
)

GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: localhost\r\n"
STREAM = b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def quick() -> Iterator[Live]:
    """A server whose deadlines are short."""
    with serving(limits=QUICK) as live:
        yield live


@pytest.fixture
def app(quick: Live) -> SmallApp:
    """The application of that server, as if nothing had happened yet."""
    quick.app.gone.clear()
    quick.app.begun.clear()
    quick.app.streamed_bytes = 0
    return quick.app


@pytest.mark.parametrize("part", [b"G", GET[:-1], GET[:-4], b"GET / HTTP/1.1\r\nX-A: b\r\n"])
def test_a_head_that_does_not_end_is_told_that_it_took_too_long(quick: Live, part: bytes) -> None:
    answer = quick.send(part)
    assert statuses(answer) == [408]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "request_timeout"


def test_bytes_that_trickle_in_do_not_put_the_end_off(quick: Live) -> None:
    with quick.connect() as sock:
        sock.settimeout(0.02)
        sock.sendall(b"GET / HTTP/1.1\r\n")
        wait_for(lambda: _trickle(sock, b"X") != b"")


def _trickle(sock: socket.socket, byte: bytes) -> bytes:
    """Send one byte more and return what has come."""
    sock.sendall(byte)
    try:
        answer = sock.recv(65536)
    except TimeoutError:
        return b""
    assert status_of(answer) == 408
    return answer


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 9\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"]
)
def test_a_body_that_does_not_end_is_told_so_and_the_application_hears_that_it_is_over(
    quick: Live, app: SmallApp, framing: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    assert statuses(quick.send(POST + framing)) == [408]
    wait_for(app.gone.is_set)
    assert no_tracebacks(caplog)


def test_a_body_that_breaks_off_is_told_to_the_application(
    quick: Live, app: SmallApp, caplog: pytest.LogCaptureFixture
) -> None:
    with quick.connect() as sock:
        sock.sendall(POST + b"Content-Length: 9\r\n\r\nabc")
    wait_for(app.gone.is_set)
    assert no_tracebacks(caplog)


def test_a_chunked_body_that_grows_too_large_stops_the_application_that_reads_it() -> None:
    with serving(limits=PATIENT) as live, live.connect() as sock:
        sock.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        wait_for(live.app.begun.is_set)
        sock.sendall(b"2710\r\n" + b"a" * 10_000 + b"\r\n0\r\n\r\n")
        assert statuses(until_closed(sock)) == [413]
        wait_for(live.app.gone.is_set)


def test_a_connection_without_a_request_is_closed_without_a_word(quick: Live) -> None:
    assert quick.send(b"") == b""


def test_a_connection_is_kept_for_the_next_request_and_closed_if_none_comes() -> None:
    limits = replace(PATIENT, idle_timeout_s=1.0)
    with serving(limits=limits) as live, live.connect() as sock:
        for _ in range(3):
            sock.sendall(GET)
            assert until(sock, b"ok").startswith(b"HTTP/1.1 200")
        assert until_closed(sock) == b""


def test_a_slow_head_behind_a_good_request_is_noticed(quick: Live) -> None:
    assert statuses(quick.send(GET + GET[:20])) == [200, 408]


def test_a_second_request_has_its_own_time_for_its_body(quick: Live) -> None:
    post = POST + b"Content-Length: 3\r\n\r\n"
    assert statuses(quick.send(post + b"abc" + post + b"ab")) == [200, 408]


def test_each_body_that_nobody_reads_has_its_own_time() -> None:
    post = b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc"
    body_timeout_s = 1.0
    with (
        serving(limits=replace(PATIENT, body_timeout_s=body_timeout_s)) as live,
        live.connect() as sock,
    ):
        end_s = time.monotonic() + 1.2 * body_timeout_s
        sock.sendall(post)
        while time.monotonic() < end_s:
            assert until(sock, b"no such path").startswith(b"HTTP/1.1 404")
            sock.sendall(b"defghi" + post)


def test_an_early_answer_to_a_body_that_never_ends_is_closed(quick: Live) -> None:
    request_bytes = b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc"
    assert statuses(quick.send(request_bytes)) == [404]


def test_a_client_that_does_not_read_its_stream_is_cut_off_and_frees_its_place(
    quick: Live, app: SmallApp, caplog: pytest.LogCaptureFixture
) -> None:
    with quick.connect(receive_buffer_bytes=4096) as sock:
        sock.sendall(STREAM)
        wait_for(app.gone.is_set)
        assert app.streamed_bytes < 500_000
    assert no_tracebacks(caplog)


def test_a_client_that_reads_slowly_gets_its_whole_stream_while_it_reads() -> None:
    with serving(limits=replace(QUICK, write_timeout_s=5.0)) as live:
        with live.connect(receive_buffer_bytes=4096) as sock:
            sock.sendall(STREAM)
            num_bytes = 0
            while num_bytes < 1_000_000:
                num_bytes += len(sock.recv(4096))
            assert not live.app.gone.is_set()
        wait_for(live.app.gone.is_set)


def test_a_piece_of_a_stream_does_not_wait_for_the_one_before_to_be_confirmed() -> None:
    with serving(limits=PATIENT) as live, live.connect():
        connections = live.server.server_state.connections
        wait_for(lambda: len(connections) == 1)
        (connection,) = connections
        sock = connection.transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_client_that_goes_away_ends_its_stream(quick: Live, app: SmallApp) -> None:
    with quick.connect() as sock:
        sock.sendall(STREAM)
        until(sock, b"x")
    wait_for(app.gone.is_set)


@pytest.mark.parametrize("behind", [b"", b"G", GET, GET * 100])
def test_a_client_that_goes_away_is_noticed_though_nothing_is_sent_to_it(
    quick: Live, app: SmallApp, behind: bytes
) -> None:
    with quick.connect() as sock:
        sock.sendall(b"GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_for(app.begun.is_set)
        sock.sendall(behind)
    wait_for(app.gone.is_set)


def test_what_is_sent_ahead_has_a_bound(
    quick: Live, app: SmallApp, caplog: pytest.LogCaptureFixture
) -> None:
    with quick.connect() as sock:
        sock.sendall(b"GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_for(lambda: not _can_send(sock, GET * 100))
    wait_for(app.gone.is_set)
    assert no_tracebacks(caplog)


def test_a_client_that_resets_its_connection_ends_its_stream(
    quick: Live, app: SmallApp, caplog: pytest.LogCaptureFixture
) -> None:
    with quick.connect() as sock:
        sock.sendall(STREAM)
        until(sock, b"x")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_for(app.gone.is_set)
    assert no_tracebacks(caplog)


def test_an_answer_that_nobody_reads_does_not_keep_a_connection_open(
    quick: Live, app: SmallApp
) -> None:
    with quick.connect(receive_buffer_bytes=4096) as sock:
        for _ in range(5):
            _can_send(sock, POST + b"Content-Length: 10000\r\n\r\n" + b"b" * 10_000)
        wait_for(app.begun.is_set)
        wait_for(lambda: not quick.server.server_state.connections)


def test_a_client_that_still_sends_its_body_can_read_why_it_is_refused() -> None:
    with serving(limits=PATIENT) as live, live.connect() as sock:
        sock.sendall(POST + b"Content-Length: 2000000\r\n\r\n")
        assert sock.recv(1, socket.MSG_PEEK)
        for _ in range(20):
            sock.sendall(b"a" * 100_000)
        assert statuses(until_closed(sock)) == [413]


@pytest.mark.parametrize("linger_s", [0.2, PATIENCE_S])
def test_what_comes_after_a_refusal_is_thrown_away_and_not_for_ever(linger_s: float) -> None:
    with serving(limits=replace(PATIENT, linger_s=linger_s)) as live, live.connect() as sock:
        sock.sendall(b"NONSENSE\r\n\r\n")
        assert status_of(sock.recv(65536)) == 400
        wait_for(lambda: not _can_send(sock, b"a" * 100_000))


def _can_send(sock: socket.socket, data: bytes) -> bool:
    try:
        sock.sendall(data)
    except ConnectionError:
        return False
    return True


def test_where_too_many_wait_the_longest_one_makes_room() -> None:
    with serving(limits=replace(PATIENT, max_connections=3)) as live:
        socks = [live.connect() for _ in range(3)]
        for sock in socks:
            sock.sendall(b"GET /")
        wait_for(lambda: len(live.server.server_state.connections) == 3)
        with live.connect() as sock:
            sock.sendall(GET)
            assert status_of(sock.recv(65536)) == 200
        assert until_closed(socks[0]) == b""
        for sock in socks:
            sock.close()


def test_where_all_are_answered_a_new_one_is_told_to_come_again() -> None:
    with serving(limits=replace(PATIENT, max_connections=2, linger_s=0.2)) as live:
        socks = [live.connect() for _ in range(2)]
        for sock in socks:
            sock.sendall(b"GET /wait HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        wait_for(lambda: len(live.server.server_state.tasks) == 2)
        answer = live.send(b"")
        assert status_of(answer) == 503
        assert b"retry-after: 1" in answer
        live.app.may_end.set()
        assert [status_of(until_closed(sock)) for sock in socks] == [200, 200]
        for sock in socks:
            sock.close()


def test_a_client_that_goes_just_as_it_is_refused_harms_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def gone(transport: object) -> None:
        raise OSError("not connected")

    monkeypatch.setattr("asyncio.selector_events._SelectorSocketTransport.write_eof", gone)
    with serving(limits=QUICK) as live:
        assert statuses(live.send(b"GET / nonsense\r\n\r\n")) == [400]
        wait_for(lambda: not live.server.server_state.connections)
    assert no_tracebacks(caplog)
