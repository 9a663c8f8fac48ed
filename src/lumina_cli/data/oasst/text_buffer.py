"""Texts in a temporary file, read back once their conversation is known."""

import os
import tempfile
from typing import IO

from lumina_cli.errors import StorageError

IN_MEMORY_BYTES = 1 << 26


class TextBuffer:
    """Texts by position. Few stay in memory; the file has no name and ends with the process."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115
        self._end = 0

    def write(self, text: str) -> tuple[int, int]:
        """Append a text; return where it is and how many bytes it takes."""
        data = text.encode()
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

    def close(self) -> None:
        """Delete the file."""
        self._file.close()
