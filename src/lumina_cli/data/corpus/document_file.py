"""Documents in a temporary file, in the order they were read, to read them again unparsed.

A batch is a header, columns and text:

    num_documents, num_texts, num_bytes      3 × 8 bytes
    kind of each document                    1 byte: what a plain text is the beginning or end of
    texts of each document                   4 bytes: its messages, or 1
    speaker of each text                     1 byte: role, and whether it counts in the loss
    characters of each text                  4 bytes
    all texts side by side, in UTF-8

Groups are not kept: who stays together is known before anything is read again.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np

from lumina_cli.tokenizer.document_batch import DocumentBatch

_HEADER = struct.Struct("<QQQ")


class DocumentFile:
    """Writes documents, then reads them. Use as a context manager: it deletes its file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO = path.open("w+b")

    def write(self, batch: DocumentBatch) -> None:
        """Append documents."""
        data = batch.text.encode()
        self._file.write(_HEADER.pack(len(batch), len(batch.lengths), len(data)))
        self._file.write(batch.kinds.tobytes() + batch.num_texts.astype("<u4").tobytes())
        self._file.write(batch.speakers.tobytes() + batch.lengths.astype("<u4").tobytes())
        self._file.write(data)

    def read(self) -> Iterator[DocumentBatch]:
        """Yield all batches from the first on."""
        self._file.seek(0)
        while header := self._file.read(_HEADER.size):
            num_documents, num_texts, num_bytes = _HEADER.unpack(header)
            yield DocumentBatch(
                np.frombuffer(self._file.read(num_documents), np.uint8),
                np.frombuffer(self._file.read(4 * num_documents), "<u4").astype(np.int64),
                np.frombuffer(self._file.read(num_texts), np.uint8),
                np.frombuffer(self._file.read(4 * num_texts), "<u4").astype(np.int64),
                self._file.read(num_bytes).decode(),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)
