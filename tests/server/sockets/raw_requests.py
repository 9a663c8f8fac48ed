"""Requests made at random from good and bad ones: cut, doubled, spliced, with foreign bytes."""

import random

from tests.server.sockets.test_http_attacks import CHUNKS, CONTRADICTIONS, HEAD, SMUGGLED, TOO_LARGE

_GOOD = [
    SMUGGLED,
    SMUGGLED * 3,
    b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n",
    b"HEAD /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    HEAD + b"Content-Length: 3\r\n\r\nabc" + SMUGGLED,
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nTrailer: a\r\n\r\n" + SMUGGLED,
    HEAD + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    b"OPTIONS /echo HTTP/1.1\r\nHost: localhost\r\nOrigin: https://a.example\r\n"
    b"Access-Control-Request-Method: POST\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\n"
    b"Content-Length: 9\r\n\r\nabcdefghi",
]
_BAD = [
    *CONTRADICTIONS.values(),
    *(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks for chunks in CHUNKS.values()),
    *(request for _, request in TOO_LARGE.values() if len(request) < 30_000),
]
_TOKENS = [
    *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b" ", b"\t", b":", b";", b",", b"\x00", b"\x0b", b"\xff"),
    *(b"0\r\n\r\n", b"ffffffff\r\n", b"-1", b"99999999999999999999", b"HTTP/1.1", b"HTTP/0.9"),
    *(b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: localhost\r\n"),
    *(b"Connection: close\r\n", b"Connection: Upgrade\r\nUpgrade: h2c\r\n", b"%00", b"/../", b"?"),
    *(b"Expect: 100-continue\r\n", b"Trailer: Host\r\n", b"CONNECT ", b"HEAD ", b"http://a/"),
]


def raw_request(draw: random.Random) -> list[bytes]:
    """Return what a client sends, in the pieces in which it sends it."""
    request = draw.choice(_GOOD if draw.random() < 0.6 else _BAD)
    for _ in range(draw.randrange(4)):
        request = _mutated(request, draw)
    cut = draw.randrange(len(request) + 1)
    return [request] if draw.random() < 0.5 else [request[:cut], request[cut:]]


def _mutated(request: bytes, draw: random.Random) -> bytes:
    begin, end = sorted(draw.randrange(len(request) + 1) for _ in range(2))
    kind = draw.randrange(6)
    if kind == 0:
        return request[:begin] + request[end:]
    if kind == 1:
        return request[:end] + request[begin:]
    if kind == 2:
        return request[:begin] + bytes([draw.randrange(256)]) + request[begin + 1 :]
    if kind == 3:
        return request[:begin] + draw.choice(_GOOD + _BAD)[end:]
    return request[:begin] + draw.choice(_TOKENS) + request[begin:]
