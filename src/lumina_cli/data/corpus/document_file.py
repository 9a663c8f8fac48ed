"""Documents in a file, in the order they were read, to read them again unparsed.

A batch is a header, columns and text:

    num_documents, num_texts, num_bytes, a check sum (CRC-32) of all that follows, 4 × 8 bytes
    kind of each document                    1 byte: what a plain text is the beginning or end of
    texts of each document                   4 bytes: its messages, or 1
    speaker of each text                     1 byte: role, and whether it counts in the loss
    characters of each text                  4 bytes
    all texts side by side, in UTF-8

Groups are not kept: who stays together is known before anything is read again.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np

from lumina_cli.data.corpus.progress import DamagedPartError
from lumina_cli.tokenizer.document_batch import DocumentBatch

_HEADER = struct.Struct("<QQQQ")


def _check_sum(columns: bytes, data: bytes) -> int:
    return zlib.crc32(data, zlib.crc32(columns, 1))  # 1: nothing is as sound as zeros


class DocumentFile:
    """Writes documents, then reads them. Use as a context manager.

    Args:
        path: the file.
        num_bytes: how much of it was written before and is to stay.

    Raises:
        DamagedPartError: that is not there.
    """

    def __init__(self, path: Path, *, num_bytes: int = 0) -> None:
        self.num_bytes = num_bytes
        self._is_checked = num_bytes > 0
        if num_bytes and not (path.is_file() and 0 < num_bytes <= path.stat().st_size):
            raise DamagedPartError
        self._file: BinaryIO = path.open("r+b" if num_bytes else "w+b")
        self._file.truncate(num_bytes)
        self._file.seek(num_bytes)

    def write(self, batch: DocumentBatch) -> None:
        """Append documents."""
        data = batch.text.encode()
        columns = batch.kinds.tobytes() + batch.num_texts.astype("<u4").tobytes()
        columns += batch.speakers.tobytes() + batch.lengths.astype("<u4").tobytes()
        check_sum = _check_sum(columns, data)
        header = _HEADER.pack(len(batch), len(batch.lengths), len(data), check_sum)
        for part in (header, columns, data):
            self.num_bytes += self._file.write(part)

    def flush(self) -> None:
        """Give to the system what was written: it outlives this process."""
        self._file.flush()

    def read(self) -> Iterator[DocumentBatch]:
        """Yield all batches from the first on.

        Raises:
            DamagedPartError: what was written before is not what was written.
        """
        self._file.seek(0)
        while header := self._file.read(_HEADER.size):
            if len(header) < _HEADER.size or max(_HEADER.unpack(header)[:3]) > self.num_bytes:
                raise DamagedPartError
            num_documents, num_texts, num_bytes, check_sum = _HEADER.unpack(header)
            columns = self._file.read(5 * (num_documents + num_texts))
            data = self._file.read(num_bytes)
            if self._is_checked and _check_sum(columns, data) != check_sum:
                raise DamagedPartError
            kinds, num_texts_of_each, speakers, lengths = np.split(
                np.frombuffer(columns, np.uint8),
                np.cumsum([num_documents, 4 * num_documents, num_texts]),
            )
            yield DocumentBatch(
                kinds,
                num_texts_of_each.view("<u4").astype(np.int64),
                speakers,
                lengths.view("<u4").astype(np.int64),
                data.decode(),
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
