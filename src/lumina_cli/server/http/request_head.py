"""What h11 forgives in the head of a request, and what two servers could read in two ways.

Where a proxy in front of the server sees one request and the server sees two, the second one is
smuggled past whatever the proxy checks. So a head is refused that has more than one length, a
length beside an encoding, a folded line, a line that ends in LF alone, or a control character.
"""

import re

from lumina_cli.server.http.limits import HttpLimits
from lumina_cli.server.http.refusal import Refusal

_END = b"\r\n\r\n"
_BARE_LINE_END = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_FOLDED = re.compile(rb"\n[ \t]")
_DIGITS = re.compile(rb"[0-9]{1,18}")

TOO_LARGE_HEAD = Refusal(431, "The head of the request is too large.", "headers_too_large")
TOO_LARGE_BODY = Refusal(413, "The body of the request is too large.", "body_too_large")


def bad_request(message: str) -> Refusal:
    """Return the refusal of what is not HTTP as it should be."""
    return Refusal(400, message, "bad_request")


def head_refusal(received: bytes, *, limits: HttpLimits) -> Refusal | None:
    """Return why the head at the start of what was received is refused; None while it is good.

    It need not be complete: what is wrong already is refused at once.
    """
    end = received.find(_END)
    head = received if end < 0 else received[:end]
    if len(head) > limits.max_header_bytes or head.count(b"\n") > limits.max_headers:
        return TOO_LARGE_HEAD
    if _BARE_LINE_END.search(head) or _FOLDED.search(head):
        return bad_request("Each line of the head must end in CR LF, and none may be folded.")
    if _CONTROL.search(head):
        return bad_request("The head holds a control character.")
    return None if end < 0 else _framing_refusal(head)


def request_refusal(method: bytes, target: bytes, http_version: bytes) -> Refusal | None:
    """Return why a request line is refused, if it is."""
    if http_version not in (b"1.0", b"1.1"):
        return bad_request("The server speaks HTTP/1.1.")
    if method == b"CONNECT" or not target.startswith(b"/"):
        return bad_request("The server is no proxy: the target must be a path.")
    return None


def _framing_refusal(head: bytes) -> Refusal | None:
    """Return why it is unclear where the body of a request ends, if it is."""
    request_line, *lines = head.split(b"\r\n")
    fields = [line.partition(b":")[::2] for line in lines]
    lengths = [value.strip(b" \t") for name, value in fields if _is(name, b"content-length")]
    encodings = [value for name, value in fields if _is(name, b"transfer-encoding")]
    if len(lengths) + len(encodings) > 1:
        return bad_request("The request says more than once how long its body is.")
    if lengths and not _DIGITS.fullmatch(lengths[0]):
        return bad_request("Content-Length must be one number.")
    if encodings and not request_line.endswith(b"HTTP/1.1"):
        return bad_request("Transfer-Encoding needs HTTP/1.1.")
    return None


def _is(name: bytes, wanted: bytes) -> bool:
    """Tell whether a name is meant to be this one, however it is written."""
    return name.strip(b" \t").lower().replace(b"_", b"-") == wanted
