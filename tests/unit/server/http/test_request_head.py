"""What of a head is refused, also while it is still coming."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.server.http.limits import HttpLimits
from lumina_cli.server.http.request_head import head_refusal, request_refusal

LIMITS = HttpLimits(max_header_bytes=200, max_headers=5)
START = b"POST / HTTP/1.1\r\nHost: localhost\r\n"

TOKENS = st.text("abcdefgh-XYZ", min_size=1, max_size=12).filter(
    lambda name: name.lower() not in ("content-length", "transfer-encoding")
)
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)


def refused(received: bytes) -> int | None:
    """Return the status of the refusal, None without one."""
    refusal = head_refusal(received, limits=LIMITS)
    return None if refusal is None else refusal.status


@given(fields=st.lists(st.tuples(TOKENS, VALUES), max_size=3), body=st.binary(max_size=300))
def test_a_plain_head_is_good_whatever_follows_it(
    fields: list[tuple[str, str]], body: bytes
) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields).encode()
    assert refused(START + b"Content-Length: 3\r\n" + lines + b"\r\n" + body) is None


@given(cut=st.integers(0, len(START) + 2))
def test_a_part_of_a_good_head_is_good_so_far(cut: int) -> None:
    assert refused((START + b"\r\n")[:cut]) is None


@pytest.mark.parametrize(
    "lines",
    [
        b"X: a\nY: b",
        b"X: a\r\n\tb",
        b"X: a\rb",
        b"X: a\x00",
        b"X: a\x7f",
        b"X: a\x1b[2J",
    ],
)
def test_a_bad_line_is_refused_before_the_head_ends(lines: bytes) -> None:
    assert refused(START + lines + b"\r") == 400


@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: 1\r\ncontent-length: 1\r\n",
        b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length : 1\r\nContent-Length: 2\r\n",
        b"Content_Length: 1\r\nContent-Length: 2\r\n",
        b"Content-Length: 1,1\r\n",
        b"Content-Length: 1 1\r\n",
        b"Content-Length: \xb2\r\n",
    ],
)
def test_two_ways_to_tell_how_long_a_body_is_are_refused(lines: bytes) -> None:
    assert refused(START + lines + b"\r\n") == 400


def test_bounds_count_the_head_alone() -> None:
    long_value = b"X: " + b"a" * (200 - len(START) - 3)
    assert refused(START + long_value + b"\r\n\r\n") is None
    assert refused(START + long_value + b"a\r\n\r\n") == 431
    assert refused(START + b"X: y\r\n" * 4 + b"\r\n" + b"\n" * 50) is None
    assert refused(START + b"X: y\r\n" * 5 + b"\r\n") == 431
    assert refused(b"a" * 201) == 431


@pytest.mark.parametrize("target", [b"*", b"http://a/", b"a:1", b"health"])
def test_only_paths_are_asked_for(target: bytes) -> None:
    assert request_refusal(b"GET", target, b"1.1")
    assert not request_refusal(b"GET", b"/" + target, b"1.1")


def test_only_http_1_is_spoken_and_nothing_is_tunnelled() -> None:
    assert not request_refusal(b"GET", b"/", b"1.0")
    assert request_refusal(b"GET", b"/", b"2.0")
    assert request_refusal(b"GET", b"/", b"1.2")
    assert request_refusal(b"CONNECT", b"/", b"1.1")
