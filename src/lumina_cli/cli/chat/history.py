"""What was typed in chats, kept between them in the user's data folder.

One JSON string a line, so that a message of many lines is one entry.
"""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path

from lumina_cli.io.regular_file import read_whole

MAX_ENTRIES = 1000
MAX_ENTRY_CHARS = 10_000
"""Longer messages (a pasted book) are not kept."""
MAX_FILE_BYTES = 64_000_000
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NONBLOCK", 0)
"""A named pipe in its place is not waited for."""


def data_folder() -> Path:
    """Return where a person's own data of this program lives."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "lumina"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "lumina"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "lumina"


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
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._path, _FLAGS, 0o600)
            with os.fdopen(handle, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

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
        with suppress(OSError):
            self._path.write_text("".join(json.dumps(x) + "\n" for x in lines), encoding="utf-8")
