"""A line on the terminal while torch is imported and data is read, gone with the first output."""

import os
import sys
from typing import TextIO

QUICK = {"docs", "help"}
"""Commands that answer at once."""
ECHO = "^C"
"""What a terminal writes behind the line when somebody gives up waiting."""
QUICK_FLAGS = {"--help", "-h", "--help-all", "--list-presets", "--quiet", "-q"}


class StartingLine:
    """One line on stderr, which is a terminal; whoever writes next takes it away."""

    def __init__(self) -> None:
        self._shown = ""
        self._is_over = True
        self._is_writing = False

    def show(self, text: str, *, stream: TextIO | None = None) -> None:
        """Begin with a line."""
        stream = stream or sys.stderr
        self._is_over = not stream.isatty() or os.environ.get("TERM") == "dumb"
        self.update(text)

    def update(self, text: str) -> None:
        """Show another line in place of the one there is; nothing once something was written."""
        if self._is_over:
            return
        self._write(f"\r{text:<{len(self._shown)}}")
        self._shown = text

    def erase(self) -> None:
        """Take the line away for good: something else is written."""
        if self._is_over or self._is_writing:
            return
        self._is_over = True
        self._write(f"\r{'':<{len(self._shown + ECHO)}}\r")

    def _write(self, text: str) -> None:
        self._is_writing = True
        sys.stderr.write(text)
        sys.stderr.flush()
        self._is_writing = False


starting_line = StartingLine()
"""Of this process."""


def takes_long(arguments: list[str]) -> bool:
    """Whether a command line is for a command that imports much before it can say anything."""
    is_command = bool(arguments) and not arguments[0].startswith("-")
    return is_command and arguments[0] not in QUICK and QUICK_FLAGS.isdisjoint(arguments)
