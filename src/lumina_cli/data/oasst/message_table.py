"""The messages of all trees, collected: columns in memory, texts in a temporary file."""

import hashlib
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lumina_cli.conversation import Message, Role
from lumina_cli.data.oasst.nodes import Node
from lumina_cli.data.oasst.text_buffer import TextBuffer
from lumina_cli.data.report import Location

ROLES: tuple[Role, ...] = ("system", "user", "bot")
BOT = ROLES.index("bot")

_RECORD = struct.Struct("<QQ16sqQIiHIQBBB")
_COLUMNS = np.dtype(
    [
        ("id", "<u8"),  # a digest: ids are as long as people make them
        ("parent", "<u8"),
        ("id_begin", "S16"),  # orders siblings without a rank
        ("text_hash", "<i8"),
        ("position", "<u8"),
        ("num_bytes", "<u4"),
        ("rank", "<i4"),
        ("lang", "<u2"),
        ("file", "<u4"),
        ("line", "<u8"),
        ("role", "u1"),
        ("has_parent", "?"),
        ("is_read", "?"),
    ]
)
assert _COLUMNS.itemsize == _RECORD.size

Columns = npt.NDArray[np.void]


class MessageTable:
    """One record of 73 bytes a message. Use as a context manager: it holds a file."""

    def __init__(self) -> None:
        self._records = bytearray()
        self._buffer = TextBuffer()
        self._langs: dict[str, int] = {}
        self._files: dict[Path, int] = {}

    def __enter__(self) -> "MessageTable":
        return self

    def __exit__(self, *_: object) -> None:
        self._buffer.close()

    def __len__(self) -> int:
        return len(self._records) // _RECORD.size

    def add(self, node: Node, *, location: Location) -> None:
        """Add a message; one that is left out is kept by its id alone."""
        position, num_bytes = self._buffer.write(node.text)
        self._records += _RECORD.pack(
            _digest(node.id),
            0 if node.parent is None else _digest(node.parent),
            node.id.encode(errors="replace")[:16],
            hash(node.text),
            position,
            num_bytes,
            node.rank,
            self._langs.setdefault(node.lang, len(self._langs)),
            self._files.setdefault(location.path, len(self._files)),
            location.line,
            ROLES.index(node.role),
            node.parent is not None,
            not node.left_out,
        )

    def columns(self) -> Columns:
        """Return all records, one column a field, shape (n,)."""
        return np.frombuffer(self._records, dtype=_COLUMNS)

    def message(self, record: np.void, *, in_loss: bool) -> Message:
        """Return the message of a record."""
        text = self._buffer.read(int(record["position"]), int(record["num_bytes"]))
        return Message(ROLES[record["role"]], text, in_loss)

    def langs(self) -> list[str]:
        """Return the languages by their numbers."""
        return list(self._langs)

    def location(self, record: np.void) -> Location:
        """Return where a record was read."""
        return Location(list(self._files)[record["file"]], int(record["line"]))


def _digest(text: str) -> int:
    digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")
