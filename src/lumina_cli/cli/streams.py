"""stdout and stderr that may be closed, full or gone at any time.

What is told on stderr is not worth a run: where it can't be written it is dropped, and the
command goes on. What is asked for on stdout is: a full disk ends the command with an error. A
reader that has gone (`| head`) ends it, too, quietly and as a success.
"""

import errno
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO, cast

from lumina_cli.cli.starting import starting_line
from lumina_cli.errors import StorageError


class ReaderGoneError(Exception):
    """Nobody reads stdout any more."""


def guard_streams() -> None:
    """Put streams that can be lost in place of this process's own."""
    _fill_closed_descriptors()
    sys.stdout = _guarded(sys.stdout or _nowhere(), on_loss=_stdout_lost)
    sys.stderr = _guarded(sys.stderr or _nowhere(), on_loss=_stderr_lost)


def _fill_closed_descriptors() -> None:
    """Open what the shell has closed (`>&-`), or the next file opened would take its place."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


def _stderr_lost(error: OSError) -> None:
    """Go on without a word: there is nobody to say it to."""


def _stdout_lost(error: OSError) -> None:
    if error.errno == errno.EPIPE:
        raise ReaderGoneError from error
    raise StorageError(
        f"stdout can't be written: {error.strerror}",
        hint="Is the disk full that it goes to? Send it elsewhere: > FILE",
    ) from error


def _guarded(stream: TextIO, *, on_loss: Callable[[OSError], None]) -> TextIO:
    if not isinstance(stream, io.TextIOWrapper):
        return stream  # not a file: a test's, or a notebook's
    has_buffer = hasattr(stream.buffer, "raw")  # not with PYTHONUNBUFFERED
    raw: Any = stream.buffer.raw if has_buffer else stream.buffer
    guarded = _GuardedBytes(raw, owner=stream, on_loss=on_loss)
    return io.TextIOWrapper(
        io.BufferedWriter(guarded) if has_buffer else cast(io.BufferedWriter, guarded),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


class _GuardedBytes(io.RawIOBase):
    """Bytes on their way to a file.

    Args:
        raw: the file.
        owner: would close the file when nobody holds it any more.
        on_loss: called when some are lost. If it raises, all that come later are dropped: they
            are what was left in buffers, and would raise again when Python ends.
    """

    def __init__(
        self, raw: io.RawIOBase, *, owner: TextIO, on_loss: Callable[[OSError], None]
    ) -> None:
        self._raw = raw
        self._owner = owner
        self._on_loss = on_loss
        self._is_lost = False

    def write(self, data: Any, /) -> int:
        starting_line.erase()
        if not self._is_lost:
            try:
                written = self._raw.write(data)
            except OSError as error:
                self._lose(error)
            else:
                if written is not None:
                    return written
                self._lose(BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)))
        return len(data)

    def _lose(self, error: OSError) -> None:
        self._is_lost = True
        self._on_loss(error)
        self._is_lost = False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def isatty(self) -> bool:
        return self._raw.isatty()
