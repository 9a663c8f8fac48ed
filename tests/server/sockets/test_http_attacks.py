"""What is sent to the server on purpose: requests that two servers would read in two ways."""

import json
from collections.abc import Iterator

import pytest

from tests.server.live import (
    PATIENT,
    Live,
    no_tracebacks,
    serving,
    status_of,
    statuses,
    until,
    until_closed,
)

HEAD = b"POST /echo HTTP/1.1\r\nHost: localhost\r\n"
SMUGGLED = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """A server that has patience: what is refused here is refused at once."""
    with serving(limits=PATIENT) as live:
        yield live


CONTRADICTIONS = {
    "CL.TE": HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "TE.CL": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n8\r\n12345678\r\n",
    "two lengths": HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "the same length twice": HEAD + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": HEAD + b"Content-Length: 3, 3\r\n\r\nabc",
    "a signed length": HEAD + b"Content-Length: +3\r\n\r\nabc",
    "a negative length": HEAD + b"Content-Length: -3\r\n\r\nabc",
    "a length in hex": HEAD + b"Content-Length: 0x3\r\n\r\nabc",
    "an empty length": HEAD + b"Content-Length:\r\n\r\nabc",
    "a length of 30 digits": HEAD + b"Content-Length: " + b"0" * 29 + b"3\r\n\r\nabc",
    "another spelling of the length": HEAD + b"Content_Length: 9\r\nContent-Length: 3\r\n\r\nabc",
    "two encodings": HEAD
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "an encoding nobody knows": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "an encoding list": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "an encoding behind a vertical tab": HEAD + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "an encoding in HTTP/1.0": HEAD.replace(b"1.1", b"1.0")
    + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": HEAD + b"Content-Length : 3\r\n\r\nabc",
    "a space before the name": b"GET /health HTTP/1.1\r\n Host: localhost\r\n\r\n",
    "a folded line": HEAD + b"X-Long: a\r\n b\r\nContent-Length: 3\r\n\r\nabc",
    "a folded encoding": HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "lines that end in LF": b"GET /health HTTP/1.1\nHost: localhost\n\n",
    "one line that ends in LF": b"GET /health HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n",
    "a CR within a line": b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n",
    "a NUL in a value": b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
    "an escape in a value": b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: \x1b[2J\r\n\r\n",
    "an umlaut in a name": b"GET /health HTTP/1.1\r\nHost: localhost\r\n\xc3\xbc: a\r\n\r\n",
    "an empty name": b"GET /health HTTP/1.1\r\nHost: localhost\r\n: a\r\n\r\n",
    "no colon": b"GET /health HTTP/1.1\r\nHost: localhost\r\nhello\r\n\r\n",
    "no host": b"GET /health HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
    "a target with a host": b"GET http://evil.example/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a target of a proxy": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a path to connect to": b"CONNECT /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a target without a slash": b"GET health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an asterisk": b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a space in the target": b"GET /health x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no version": b"GET /health\r\n\r\n",
    "another version": b"GET /health HTTP/2.0\r\nHost: localhost\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an empty line first": b"\r\nGET /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),
    "noise": bytes(range(256)) * 4,
}


@pytest.mark.parametrize("request_bytes", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_request_that_can_be_read_in_two_ways_is_refused_and_nothing_behind_it_is_read(
    live: Live, request_bytes: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    num_bodies = len(live.app.bodies)
    answer = live.send(request_bytes + SMUGGLED)
    assert statuses(answer) == [400]
    assert b"connection: close" in answer.lower()
    assert len(live.app.bodies) == num_bodies
    assert no_tracebacks(caplog)


CHUNKS = {
    "a size that is none": b"zz\r\nabc\r\n0\r\n\r\n",
    "an empty size": b"\r\nabc\r\n0\r\n\r\n",
    "a negative size": b"-1\r\nabc\r\n0\r\n\r\n",
    "a signed size": b"+3\r\nabc\r\n0\r\n\r\n",
    "a size with a prefix": b"0x3\r\nabc\r\n0\r\n\r\n",
    "a size of 21 digits": b"0" * 20 + b"3\r\nabc\r\n0\r\n\r\n",
    "a size that is too small": b"2\r\nabc\r\n0\r\n\r\n",
    "a bad end of a chunk": b"3\r\nabcXX0\r\n\r\n",
    "an extension with a line feed": b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    "a space before the size": b" 3\r\nabc\r\n0\r\n\r\n",
    "a bad trailer": b"3\r\nabc\r\n0\r\nno colon\r\n\r\n",
}


@pytest.mark.parametrize("chunks", CHUNKS.values(), ids=CHUNKS)
def test_chunks_that_are_none_are_refused(
    live: Live, chunks: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    num_bodies = len(live.app.bodies)
    answer = live.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + SMUGGLED)
    assert statuses(answer) == [400]
    assert len(live.app.bodies) == num_bodies
    assert no_tracebacks(caplog)


def test_a_refusal_is_an_error_object_of_openai(live: Live) -> None:
    answer = live.send(CONTRADICTIONS["CL.TE"])
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/json" in head
    assert json.loads(body) == {
        "error": {
            "message": "The request says more than once how long its body is.",
            "type": "invalid_request_error",
            "param": None,
            "code": "bad_request",
        }
    }


def test_a_refusal_of_a_request_for_the_head_alone_has_no_body(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    answer = live.send(b"HEAD http://a/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert status_of(answer) == 400
    assert answer.endswith(b"\r\n\r\n")
    assert no_tracebacks(caplog)


TOO_LARGE = {
    "431 long value": (431, SMUGGLED[:-2] + b"X: " + b"a" * 20_000 + b"\r\n\r\n"),
    "431 long target": (431, b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "431 without an end": (431, b"GET /" + b"a" * 300_000),
    "431 many fields": (431, SMUGGLED[:-2] + b"X: a\r\n" * 120 + b"\r\n"),
    "413 told length": (413, HEAD + b"Content-Length: 10001\r\n\r\n"),
    "413 told length, with the body": (
        413,
        HEAD + b"Content-Length: 2000000\r\n\r\n" + b"a" * 2_000_000,
    ),
    "413 asks first": (413, HEAD + b"Expect: 100-continue\r\nContent-Length: 10001\r\n\r\n"),
    "413 chunks": (
        413,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"3e8\r\n" + b"a" * 1000 + b"\r\n"
        b"ffffffff\r\n" + b"a" * 9001,
    ),
    "413 tiny chunks": (413, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 4097),
    "431 a trailer": (
        431,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"a" * 20_000,
    ),
    "431 an extension without an end": (
        431,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n3;" + b"a" * 20_000,
    ),
}


@pytest.mark.parametrize(("status", "request_bytes"), TOO_LARGE.values(), ids=TOO_LARGE)
def test_what_is_too_large_is_refused_at_once_and_the_client_can_read_why(
    live: Live, status: int, request_bytes: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    num_bodies = len(live.app.bodies)
    assert statuses(live.send(request_bytes)) == [status]
    assert len(live.app.bodies) == num_bodies
    assert no_tracebacks(caplog)


def test_extensions_of_chunks_count_although_they_are_no_body(live: Live) -> None:
    chunk = b"1;" + b"a" * 10_000 + b"\r\nb\r\n"
    with live.connect() as sock:
        sock.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(100):
                sock.sendall(chunk)
        except ConnectionError:
            pass
        assert status_of(sock.recv(65536)) == 413


def test_a_body_at_the_bound_is_taken_in_one_piece_and_in_chunks(live: Live) -> None:
    body = b"b" * 10_000
    whole = HEAD + b"Connection: close\r\nContent-Length: 10000\r\n\r\n" + body
    chunked = (
        HEAD
        + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"2710;note=x\r\n"
        + body
        + b"\r\n0\r\n\r\n"
    )
    for request_bytes in (whole, chunked):
        answer = live.send(request_bytes)
        assert status_of(answer) == 200
        assert answer.endswith(body)


def test_a_client_that_asks_first_is_told_to_go_on(live: Live) -> None:
    with live.connect() as sock:
        sock.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert sock.recv(1000).startswith(b"HTTP/1.1 100")
        sock.sendall(b"abc")
        assert sock.recv(1000).startswith(b"HTTP/1.1 200")


def test_a_request_that_comes_byte_by_byte_is_answered(live: Live) -> None:
    with live.connect() as sock:
        for byte in HEAD + b"Connection: close\r\nContent-Length: 3\r\n\r\nabc":
            sock.send(bytes([byte]))
        assert status_of(sock.recv(1000)) == 200


def test_requests_that_are_sent_at_once_are_answered_one_after_the_other(live: Live) -> None:
    last = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    post = HEAD + b"Content-Length: 3\r\n\r\nabc"
    answer = live.send(SMUGGLED * 20 + post + last)
    assert statuses(answer) == [200] * 22


def test_a_body_that_nobody_reads_is_never_read_as_a_request(live: Live) -> None:
    post = HEAD.replace(b"/echo", b"/nowhere") + b"Content-Length: %d\r\n\r\n" % len(SMUGGLED)
    last = SMUGGLED[:-2] + b"Connection: close\r\n\r\n"
    with live.connect() as sock:
        sock.sendall(post)
        assert until(sock, b"no such path")
        sock.sendall(SMUGGLED + last)
        assert statuses(until_closed(sock)) == [200]


def test_a_bad_request_behind_a_good_one_gets_its_own_refusal(live: Live) -> None:
    assert statuses(live.send(SMUGGLED + CONTRADICTIONS["CL.TE"])) == [200, 400]


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
def test_no_other_protocol_is_spoken(live: Live, protocol: bytes) -> None:
    answer = live.send(
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\n"
        b"Upgrade: " + protocol + b"\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert statuses(answer) == [200]


def test_a_forwarded_address_is_not_believed(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="lumina.server")
    live.send(
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"X-Forwarded-For: 203.0.113.9\r\n\r\n"
    )
    lines = [record.getMessage() for record in caplog.records]
    assert any(line.startswith('127.0.0.1 "GET /health" 200') for line in lines)
