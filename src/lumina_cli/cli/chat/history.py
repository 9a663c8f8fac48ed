"""What was typed in chats, kept between them in the user's data folder.

One JSON string a line, so that a message of many lines is one entry.
"""

import json
import os
from contextlib import suppress
from pathlib import Path

from lumina_cli.errors import LuminaError
from lumina_cli.io.atomic import replace_file, write_all
from lumina_cli.io.folders.private_folder import make_private_folder
from lumina_cli.io.folders.user_folders import data_folder
from lumina_cli.io.regular_file import read_whole

MAX_ENTRIES = 1000
MAX_ENTRY_CHARS = 10_000
"""Longer messages (a pasted book) are not kept."""
MAX_FILE_BYTES = 64_000_000
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND
for _name in ("O_BINARY", "O_NONBLOCK"):  # as far as the system has them
    _FLAGS |= getattr(os, _name, 0)


class LineHistory:
    """Lines typed before and now. A history that can't be kept is no reason not to chat."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or data_folder() / "chat_history"
        self.lines = self._read()

    def add(self, line: str) -> None:
        """Remember a line, unless it repeats the last one."""
        is_repeated = bool(self.lines) and self.lines[-1] == line
        if not line.strip() or is_repeated or len(line) > MAX_ENTRY_CHARS:
            return
        self.lines.append(line)
        with suppress(OSError):
            make_private_folder(self._path.parent)
            _append(self._path, json.dumps(line).encode() + b"\n")

    def _read(self) -> list[str]:
        try:
            content = read_whole(self._path, max_bytes=MAX_FILE_BYTES).decode(errors="replace")
        except OSError:
            return []
        lines: list[str] = []
        for row in content.splitlines():
            with suppress(ValueError, RecursionError):
                entry = json.loads(row)
                if isinstance(entry, str):
                    lines.append(entry)
        if len(lines) > 2 * MAX_ENTRIES:
            self._rewrite(lines[-MAX_ENTRIES:])
        return lines[-MAX_ENTRIES:]

    def _rewrite(self, lines: list[str]) -> None:
        """Put the last lines in place of all, in a file that is whole before it is seen."""
        content = "".join(json.dumps(line) + "\n" for line in lines).encode()
        with suppress(LuminaError):
            replace_file(self._path, lambda handle: write_all(handle, content), mode=0o600)


def _append(path: Path, content: bytes) -> None:
    """Add a line in one piece: what two chats say at a time is not mixed.

    One that was cut off, by a full disk, is ended first.
    """
    handle = os.open(path, _FLAGS, 0o600)
    try:
        size = os.lseek(handle, 0, os.SEEK_END)
        if size:
            os.lseek(handle, size - 1, os.SEEK_SET)
            content = content if os.read(handle, 1) == b"\n" else b"\n" + content
        write_all(handle, content)
    finally:
        os.close(handle)
