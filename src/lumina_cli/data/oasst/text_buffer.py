"""Texts in a temporary file, read back once their conversation is known."""

import os
import tempfile
from typing import IO

import numpy as np
import numpy.typing as npt

from lumina_cli.errors import StorageError

Numbers = npt.NDArray[np.int64]

IN_MEMORY_BYTES = 1 << 26


class TextBuffer:
    """Texts by position. Few stay in memory; the file has no name and ends with the process."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115
        self._end = 0

    def write(self, text: str) -> tuple[int, int]:
        """Append a text; return where it is and how many bytes it takes."""
        return self.write_bytes(text.encode())

    def write_bytes(self, data: bytes) -> tuple[int, int]:
        """Append UTF-8; return where it is and how many bytes it takes."""
        position = self._end
        try:
            self._file.seek(0, os.SEEK_END)
            self._file.write(data)
        except OSError as error:
            raise StorageError(
                f"no room for the texts in the temporary folder {tempfile.gettempdir()}: {error}",
                hint="Free some space there, or set TMPDIR to a folder that has it.",
            ) from error
        self._end += len(data)
        return position, len(data)

    def read(self, position: int, num_bytes: int) -> str:
        """Return the text that was written at `position`."""
        self._file.seek(position)
        return self._file.read(num_bytes).decode()

    def read_many(self, positions: Numbers, sizes: Numbers) -> bytes:
        """Return the texts at `positions`, side by side, in UTF-8."""
        if not len(positions):
            return b""
        first, end = int(positions.min()), int((positions + sizes).max())
        if end - first <= 2 * int(sizes.sum()):  # close together: read at once what is between
            self._file.seek(first)
            data = self._file.read(end - first)
            begins = (positions - first).tolist()
            parts = [data[at : at + size] for at, size in zip(begins, sizes.tolist(), strict=True)]
        else:
            parts = []
            for position, size in zip(positions.tolist(), sizes.tolist(), strict=True):
                self._file.seek(position)
                parts.append(self._file.read(size))
        return b"".join(parts)

    def close(self) -> None:
        """Delete the file."""
        self._file.close()
