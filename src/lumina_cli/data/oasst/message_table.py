"""The messages of all trees, collected: columns in memory, texts in a temporary file."""

import hashlib
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lumina_cli.conversation import Message
from lumina_cli.data.oasst.nodes import Node
from lumina_cli.data.oasst.text_buffer import TextBuffer
from lumina_cli.data.report import Location
from lumina_cli.tokenizer.document_batch import ROLES

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
Numbers = npt.NDArray[np.int64]


class NodeColumns(NamedTuple):
    """Many nodes by column: see `Node`; `roles` are indices of `ROLES`, ids are ASCII."""

    ids: Sequence[str]
    parents: Sequence[str | None]
    roles: npt.NDArray[np.uint8]
    texts: Sequence[str]
    langs: Sequence[str]
    ranks: Sequence[int]
    left_out: Sequence[bool]


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

    def add_many(self, nodes: NodeColumns, *, path: Path, lines: Sequence[int]) -> None:
        """Add the messages of lines of one file: see `add`."""
        records = np.zeros(len(nodes.ids), dtype=_COLUMNS)
        texts = [text.encode() for text in nodes.texts]
        position, _ = self._buffer.write_bytes(b"".join(texts))
        ends = np.cumsum(list(map(len, texts)))
        records["id"] = _digests(nodes.ids)
        records["has_parent"] = [parent is not None for parent in nodes.parents]
        records["parent"][records["has_parent"]] = _digests(filter(None, nodes.parents))
        records["id_begin"] = [name[:16] for name in nodes.ids]
        records["text_hash"] = list(map(hash, nodes.texts))
        records["num_bytes"] = np.diff(ends, prepend=0)
        records["position"] = position + ends - records["num_bytes"]
        records["rank"] = nodes.ranks
        for lang in set(nodes.langs).difference(self._langs):
            self._langs[lang] = len(self._langs)
        records["lang"] = [self._langs[lang] for lang in nodes.langs]
        records["file"] = self._files.setdefault(path, len(self._files))
        records["line"] = lines
        records["role"] = nodes.roles
        records["is_read"] = np.logical_not(nodes.left_out)
        self._records += records.tobytes()

    def texts(self, records: Columns) -> tuple[bytes, Numbers]:
        """Return the texts of records side by side, in UTF-8, and how many bytes each takes."""
        sizes = records["num_bytes"].astype(np.int64)
        data = self._buffer.read_many(records["position"].astype(np.int64), sizes)
        return data, sizes

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
    return int(_digests([text])[0])


def _digests(texts: Iterable[str]) -> npt.NDArray[np.uint64]:
    """Return a digest of each text."""
    data = [text.encode(errors="surrogatepass") for text in texts]
    digests = [hashlib.blake2b(each, digest_size=8).digest() for each in data]
    return np.frombuffer(b"".join(digests), dtype="<u8")
