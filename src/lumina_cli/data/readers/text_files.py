"""Text files as characters: unpacked, decoded, line ends made one.

    bytes → (gunzip, with a limit) → decode strictly → \\r\\n and \\r become \\n

Only these end a line: U+2028, U+0085 and x1c stay what they are, inside a text. A BOM at
the start is dropped. What can't be decoded is refused with its line and byte.
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, cast

from lumina_cli.data.checkpoints import START, TextPlace
from lumina_cli.data.readers.encodings import SAMPLE_BYTES, not_text
from lumina_cli.data.readers.files import open_regular, unreadable
from lumina_cli.errors import DataError

GZIP_MAGIC = b"\x1f\x8b"
BUFFER_BYTES = 1 << 18
SAMPLE_CHARS = 1 << 18
"""What is read of a file to see what it holds."""
SAFE_UNPACKED_BYTES = 1 << 28
MAX_GZIP_RATIO = 200
"""Text packs 3 to 20 times, repetitive rows 100 times; deflate itself ends at 1,032."""


@contextmanager
def open_unpacked(path: Path) -> Iterator[BinaryIO]:
    """Open a file, through gunzip where it is packed, whatever its name.

    Raises:
        DataError: the packed data is damaged, cut short, or unpacks to far more than text does.
    """
    with open_regular(path) as file:
        packed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        file.seek(0)
        if not packed:
            with _storage_errors(path):
                yield file
            return
        with gzip.GzipFile(fileobj=file) as unpacked, _gzip_errors(path):
            limited = _LimitedGzip(unpacked, limit=_unpacked_limit(path))
            yield cast(BinaryIO, io.BufferedReader(limited, BUFFER_BYTES))


@contextmanager
def open_text(
    path: Path, *, encoding: str = "utf-8", begin: TextPlace = START
) -> Iterator[IO[str]]:
    """Open a text file; its line ends read as \\n.

    Args:
        path: of the file.
        encoding: of its bytes.
        begin: where an earlier reading ended.

    Raises:
        DataError: the bytes are not text in `encoding`; the message has line and byte.
    """
    with open_unpacked(path) as file:
        if not begin.at:
            _skip_bom(file, encoding=encoding)
        text = io.TextIOWrapper(file, encoding=encoding, newline=None)
        try:
            if begin.at:
                text.seek(begin.at)
            yield text
        except UnicodeError as error:
            text.detach()
            raise _not_in_encoding(path, encoding=encoding) from error
        text.detach()


def _skip_bom(file: BinaryIO, *, encoding: str) -> None:
    """Go behind a BOM; encodings that need it to tell the order of bytes read it themselves."""
    try:
        bom = "\ufeff".encode(encoding)
    except UnicodeError:  # it has none
        return
    begin = cast(io.BufferedReader, file).peek(len(bom))
    if begin.startswith(bom):
        file.read(len(bom))


def _not_in_encoding(path: Path, *, encoding: str) -> DataError:
    """Find the first bytes that are no text by a second look, line by line."""
    with open_unpacked(path) as file:
        sample = file.read(SAMPLE_BYTES)
    with open_unpacked(path) as file:
        return not_text(file, sample=sample, path=path, encoding=encoding)


class _LimitedGzip(io.RawIOBase):
    """The unpacked content of a gzip file; reading beyond a limit raises."""

    def __init__(self, unpacked: gzip.GzipFile, *, limit: int) -> None:
        self._unpacked = unpacked
        self._left = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        num_bytes = self._unpacked.readinto(buffer)
        self._left -= num_bytes
        if self._left < 0:
            raise gzip.BadGzipFile("it unpacks to far more than text does")
        return num_bytes


def _unpacked_limit(path: Path) -> int:
    return max(SAFE_UNPACKED_BYTES, MAX_GZIP_RATIO * path.stat().st_size)


@contextmanager
def _gzip_errors(path: Path) -> Iterator[None]:
    try:
        with _storage_errors(path):
            yield
    except EOFError as error:
        raise DataError(
            f"{path} ends too early: its packed data was cut off",
            hint="Copy or download it once more.",
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"{path} can't be unpacked: {error}",
            hint="Unpack it by other means, look at it, and give the unpacked file.",
        ) from error


@contextmanager
def _storage_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (gzip.BadGzipFile, UnicodeError):
        raise
    except OSError as error:
        raise unreadable(path, error) from error
