"""The parts of a message, line by line: headers, boundaries, and which parts are text.

The standard library's parser calls itself for parts inside of parts, and holds a message whole,
with all its pictures. Here memory holds the text parts alone, and each line is looked at once.
"""

import binascii
import re
from dataclasses import dataclass, field
from typing import NamedTuple

from lumina_cli.data.readers.documents.encodings import known_charset

MAX_PARTS = 1000
MAX_DEPTH = 20
MAX_TEXT_BYTES = 32 * 1024 * 1024
"""Of the text of one message."""

_MAX_HEADER_CHARS = 2000
_WANTED = frozenset((b"content-type", b"content-transfer-encoding", b"content-disposition"))
_PARAMETER = re.compile(r';\s*+([\w-]++)\s*+=\s*+("(?:[^"\\]|\\.)*+"|[^;\s]*+)')
_UNSAID = ("", "ascii", "us-ascii")
"""What programs write when they don't know."""
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


class TextPart(NamedTuple):
    """A part of a message that is text.

    Args:
        text: decoded, with `\\n` at line ends.
        is_html: whether it is a page.
        is_flowed: whether its lines were broken for the way, and a space at their end tells so.
        without_space: whether that space was put there for no other purpose.
        alternative: which parts say the same in another form; 0 for one that stands alone.
        is_damaged: whether some of it could not be decoded.
    """

    text: str
    is_html: bool
    is_flowed: bool
    without_space: bool
    alternative: int
    is_damaged: bool


@dataclass(slots=True)
class Message:
    """What a message holds: its texts, and the types of what is no text."""

    texts: list[TextPart] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    too_large: str = ""


@dataclass(slots=True)
class _Part:
    """The part of a message that is being read; `lines` are None where they are not kept."""

    in_headers: bool = True
    headers: dict[bytes, bytearray] = field(default_factory=dict)
    last: bytearray | None = None
    lines: list[bytes] | None = None
    type: str = ""
    parameters: dict[str, str] = field(default_factory=dict)

    def value(self, name: bytes) -> str:
        return bytes(self.headers.get(name, b"")).decode("latin-1")

    @property
    def is_text(self) -> bool:
        disposition = self.value(b"content-disposition").partition(";")[0].strip().lower()
        return self.type in ("text/plain", "text/html", "text") and disposition != "attachment"


class MessageReader:
    """Takes the lines of one message; `finish` returns what they hold."""

    def __init__(self) -> None:
        self._message = Message()
        self._boundaries: list[tuple[bytes, int]] = []
        self._num_parts = 0
        self._num_bytes = 0
        self._num_alternatives = 0
        self._part = _Part()

    def push(self, line: bytes) -> None:
        """Take a line, with its end."""
        if self._message.too_large:
            return
        if self._boundaries and line.startswith(b"--") and self._is_boundary(line):
            return
        if self._part.in_headers:
            self._header(line)
        elif self._part.lines is not None:
            self._num_bytes += len(line)
            self._part.lines.append(line)
            if self._num_bytes > MAX_TEXT_BYTES:
                self._give_up("its text is longer than 32 million characters")

    def finish(self) -> Message:
        """End the last part and return the message."""
        if not self._message.too_large:
            self._end_part()
        return self._message

    def _give_up(self, why: str) -> None:
        self._message.too_large = why
        self._message.texts, self._part.lines = [], None

    def _header(self, line: bytes) -> None:
        stripped = line.rstrip(b"\r\n")
        if not stripped:
            self._end_headers()
        elif stripped[:1] in (b" ", b"\t"):
            if self._part.last is not None and len(self._part.last) < _MAX_HEADER_CHARS:
                self._part.last += b" " + stripped.strip()[:_MAX_HEADER_CHARS]
        else:
            name, colon, value = stripped.partition(b":")
            name = name.strip().lower()
            self._part.last = None
            if colon and name in _WANTED and name not in self._part.headers:
                self._part.last = self._part.headers[name] = bytearray(
                    value.strip()[:_MAX_HEADER_CHARS]
                )

    def _end_headers(self) -> None:
        self._part.in_headers = False
        self._num_parts += 1
        if self._num_parts > MAX_PARTS:
            self._give_up(f"it has more than {MAX_PARTS:,} parts")
            return
        value = self._part.value(b"content-type")
        self._part.type = value.partition(";")[0].strip().lower() or "text/plain"
        self._part.parameters = _parameters(value)
        boundary = self._part.parameters.get("boundary", "").encode("latin-1", "replace")
        if self._part.type.startswith("multipart/") and boundary:
            if len(self._boundaries) >= MAX_DEPTH:
                self._give_up(f"its parts lie more than {MAX_DEPTH} deep in one another")
                return
            self._boundaries.append((b"--" + boundary, self._alternative()))
        elif self._part.is_text:
            self._part.lines = []

    def _alternative(self) -> int:
        """Return which alternative the parts of the multipart that begins here are forms of."""
        if self._part.type == "multipart/alternative":
            self._num_alternatives += 1
            return self._num_alternatives
        return self._boundaries[-1][1] if self._boundaries else 0

    def _is_boundary(self, line: bytes) -> bool:
        """Say whether a line ends a part, and begin what follows it."""
        stripped = line.rstrip(b"\r\n \t")
        for depth in range(len(self._boundaries) - 1, -1, -1):
            boundary = self._boundaries[depth][0]
            ends_all = stripped == boundary + b"--"
            if not ends_all and stripped != boundary:
                continue
            self._end_part()
            del self._boundaries[depth + (not ends_all) :]
            self._part = _Part()
            self._part.in_headers = not ends_all
            return True
        return False

    def _end_part(self) -> None:
        if self._part.lines is None:
            if self._part.type and not self._part.type.startswith("multipart/"):
                self._message.others.append(self._part.type)
            return
        content = b"".join(self._part.lines)
        content = _unpacked(content, self._part.value(b"content-transfer-encoding").strip().lower())
        text, is_damaged = decoded(content, self._part.parameters.get("charset", ""))
        self._message.texts.append(
            TextPart(
                text.replace("\r\n", "\n").replace("\r", "\n"),
                self._part.type == "text/html",
                self._part.parameters.get("format", "").lower() == "flowed",
                self._part.parameters.get("delsp", "").lower() == "yes",
                self._boundaries[-1][1] if self._boundaries else 0,
                is_damaged,
            )
        )


def decoded(content: bytes, charset: str) -> tuple[str, bool]:
    """Return the text of a part, and whether some of it could not be decoded as it should be."""
    name = "" if charset.lower() in _UNSAID else known_charset(charset)
    for codec in dict.fromkeys((name or "utf-8", "utf-8")):
        try:
            return content.decode(codec), codec != (name or codec)
        except UnicodeDecodeError:
            continue
    return content.decode(name or "cp1252", "replace"), True


def _unpacked(content: bytes, encoding: str) -> bytes:
    if encoding == "quoted-printable":
        return binascii.a2b_qp(content)
    if encoding != "base64":
        return content
    letters = _NOT_BASE64.sub(b"", content)
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def _parameters(value: str) -> dict[str, str]:
    """Return the parameters behind a content type, without the quotes around them."""
    found: dict[str, str] = {}
    for match in _PARAMETER.finditer(value[:_MAX_HEADER_CHARS]):
        text = match[2]
        if text.startswith('"'):
            text = re.sub(r"\\(.)", r"\1", text[1:-1])
        found.setdefault(match[1].lower(), text)
    return found
