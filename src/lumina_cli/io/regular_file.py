"""Regular files alone, opened without a wait, and read whole up to a bound.

A named pipe blocks until somebody writes, a device may never end, and a file in /proc says that
it is empty. Whoever reads a file into memory reads it here.
"""

import errno
import io
import os
import stat
from pathlib import Path
from typing import Any, TypeVar

Found = TypeVar("Found")

SMALL_BYTES = 1_000_000
"""Bound for what people or this program write by hand or in a few lines: settings, manifests."""

_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISLNK, "a link"),
)


def other_kind(found: os.stat_result) -> str:
    """Return what a path leads to if it is no regular file, in words; else nothing."""
    if stat.S_ISREG(found.st_mode):
        return ""
    return next((name for test, name in _KINDS if test(found.st_mode)), "no file")


def open_to_append(path: Path) -> io.TextIOWrapper:
    """Open a file to add lines to, each written at once; it is made where there is none.

    A device takes lines, too, and a pipe that somebody reads; nobody is waited for.

    Raises:
        OSError: it can't be opened, or is a folder, a socket, or a pipe that nobody reads.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    for name in ("O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY"):
        flags |= getattr(os, name, 0)
    handle = os.open(path, flags, 0o666)
    return open(handle, "a", encoding="utf-8", errors="backslashreplace", buffering=1)  # noqa: PTH123


def is_cut_off(path: Path) -> bool:
    """Whether the last line of a file has no end. Raises OSError as `open_regular` does."""
    with open_regular(path) as file:
        if not file.seek(0, os.SEEK_END):
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def open_regular(path: Path, *, follows_links: bool = True) -> io.BufferedReader:
    """Open a regular file for reading.

    Raises:
        OSError: it can't be opened, or is something else; `strerror` says what.
    """
    _refuse_others(path, path.stat(follow_symlinks=follows_links))
    flags = os.O_RDONLY if follows_links else os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)
    for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):  # as far as the system has them
        flags |= getattr(os, name, 0)
    handle = os.open(path, flags)
    try:
        found = os.fstat(handle)
        _refuse_others(path, found)  # it may have changed since
    except OSError:
        os.close(handle)
        raise
    if found.st_size:
        return os.fdopen(handle, "rb")
    return io.BufferedReader(_NeverWaits(handle))


class _NeverWaits(io.FileIO):
    """A file that says it is empty, as those in /proc; some would let a reader wait (kmsg)."""

    def readinto(self, buffer: Any, /) -> int:
        found: int | None = super().readinto(buffer)
        return self._there(found)

    def readall(self) -> bytes:
        return self._there(super().readall())

    def _there(self, found: Found | None) -> Found:
        if found is None:
            raise BlockingIOError(errno.EAGAIN, "there is nothing to read yet")
        return found


def read_whole(path: Path, *, max_bytes: int = SMALL_BYTES, follows_links: bool = True) -> bytes:
    """Return what a regular file holds.

    Raises:
        OSError: it can't be read, is no regular file, or holds more than `max_bytes`.
    """
    with open_regular(path, follows_links=follows_links) as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(min(size, max_bytes) + 1)  # takes as much memory as is asked for
        if size < len(data) <= max_bytes:  # its size was told wrong
            data += file.read(max_bytes + 1 - len(data))
    if len(data) > max_bytes:
        raise OSError(errno.EFBIG, f"it holds more than {max_bytes:,} bytes", str(path))
    return data


def _refuse_others(path: Path, found: os.stat_result) -> None:
    if kind := other_kind(found):
        raise OSError(errno.EINVAL, f"it is {kind}, not a file", str(path))
