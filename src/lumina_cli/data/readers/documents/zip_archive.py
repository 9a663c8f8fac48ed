"""Documents that are zip archives (EPUB, DOCX): members read one at a time, never unpacked to disk.

What an archive says of itself is checked before it is believed, and again while it is read: the
number of members, their sizes, how far they grow. Only what these formats use is read: members
that are stored or deflated, and not encrypted.
"""

import errno
import io
import posixpath
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from lumina_cli.data.readers.documents.encodings import HEAD_BYTES, declared_encoding
from lumina_cli.data.readers.files import open_regular, unreadable
from lumina_cli.data.readers.text_files import MAX_GZIP_RATIO, SAFE_UNPACKED_BYTES
from lumina_cli.errors import DataError

MAGIC = b"PK\x03\x04"
MAX_MEMBERS = 50_000
MAX_DIRECTORY_BYTES = 16 * 1024 * 1024

AGAIN = "Save it once more from its program, or save it as plain text."

_END = struct.Struct("<4s4H2IH")
_END_ID = b"PK\x05\x06"
_MAX_COMMENT_BYTES = 1 << 16
_ENCRYPTED = 1
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, struct.error),
    *(EOFError, NotImplementedError, OverflowError, UnicodeDecodeError),
)


class ZipDocument:
    """The members of an archive, by name.

    Args:
        archive: open for reading.
        path: its name.
        max_bytes: all that may be unpacked of it.
    """

    def __init__(self, archive: zipfile.ZipFile, *, path: Path, max_bytes: int) -> None:
        self._archive = archive
        self._path = path
        self._left = max_bytes
        self.names = frozenset(archive.namelist())

    def size_of(self, name: str) -> int:
        """Return how long a member says that it is; no more of it is ever read."""
        return self._info(name).file_size

    @contextmanager
    def open(self, name: str) -> Iterator[io.BufferedReader]:
        """Open a member; reading more than the archive may hold raises.

        Raises:
            DataError: it is missing or damaged, or unpacks to far more than text does.
        """
        info = self._info(name)
        if info.flag_bits & _ENCRYPTED:
            raise self.damaged("it is encrypted", hint="Remove its password first.")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise self.damaged("its members are packed in an unusual way")
        with self._zip_errors(), self._archive.open(info) as member:
            yield io.BufferedReader(_Limited(self, member))

    def _info(self, name: str) -> zipfile.ZipInfo:
        try:
            return self._archive.getinfo(name)
        except KeyError as error:
            raise self.damaged(f"{name[:80]} is missing in it") from error

    def has(self, name: str) -> bool:
        return name in self.names

    def damaged(self, why: str, *, hint: str = "") -> DataError:
        """Return the error for an archive that can't be read."""
        return DataError(
            f"{self._path} can't be read: {why}",
            hint=hint or AGAIN,
        )

    def spend(self, num_bytes: int) -> None:
        """Count bytes that were unpacked, of all members together."""
        self._left -= num_bytes
        if self._left < 0:
            raise self.damaged("it unpacks to far more than text does")

    @contextmanager
    def _zip_errors(self) -> Iterator[None]:
        try:
            yield
        except _DAMAGE as error:
            raise self.damaged(f"it is damaged ({error})") from error
        except OSError as error:
            if error.errno == errno.EINVAL:  # a place before the beginning of the file
                raise self.damaged("it is damaged") from error
            raise unreadable(self._path, error) from error


class _Limited(io.RawIOBase):
    """A member of an archive; what is read of it is counted."""

    def __init__(self, document: ZipDocument, member: IO[bytes]) -> None:
        self._document = document
        self._member = member

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        content = self._member.read(len(buffer))
        self._document.spend(len(content))
        buffer[: len(content)] = content
        return len(content)


@contextmanager
def open_zip(path: Path) -> Iterator[ZipDocument]:
    """Open an archive.

    Raises:
        DataError: it is damaged, or has more members than a document has.
    """
    with open_regular(path) as file:
        _check_directory(file, path)
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
            raise _not_whole(path) from error
        except OSError as error:
            raise unreadable(path, error) from error
        with archive:
            max_bytes = max(SAFE_UNPACKED_BYTES, MAX_GZIP_RATIO * path.stat().st_size)
            yield ZipDocument(archive, path=path, max_bytes=max_bytes)


def joined(folder: str, href: str) -> str:
    """Return the name of the member that a link in a folder of the archive leads to."""
    return posixpath.normpath(posixpath.join(folder, href)).removeprefix("/")


def _check_directory(file: BinaryIO, path: Path) -> None:
    """Refuse a directory that would fill the memory before it is read."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(size - _MAX_COMMENT_BYTES - _END.size, 0))
    tail = file.read()
    file.seek(0)
    at = tail.rfind(_END_ID)
    if at < 0 or len(tail) - at < _END.size:
        raise _not_whole(path)
    _, _, _, _, num_members, num_bytes, _, _ = _END.unpack_from(tail, at)
    if num_members > MAX_MEMBERS or num_bytes > MAX_DIRECTORY_BYTES:
        raise DataError(
            f"{path} can't be read: it has more than {MAX_MEMBERS:,} members",
            hint="No book or text document has so many: unpack it and look at it.",
        )


def _not_whole(path: Path) -> DataError:
    return DataError(
        f"{path} can't be read: it is no whole zip archive", hint="Copy or download it once more."
    )


def decoded(member: io.BufferedReader) -> IO[str]:
    """Return a member as text; bytes that are none become U+FFFD, as in a reading program."""
    encoding = declared_encoding(member.peek(HEAD_BYTES)[:HEAD_BYTES])
    codec = "utf-8-sig" if encoding == "utf-8" else encoding
    return io.TextIOWrapper(member, encoding=codec, errors="replace", newline=None)
