"""Zip archives of chats, as phones and programs write them, read without unpacking them to disk.

Members are opened one after the other, within the bounds of `zip_archive.py`; archives inside
an archive are not opened, and no name in it is ever used as a path.
"""

import io
import lzma
import posixpath
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any

from lumina_cli.data.chats.message import ExportFile
from lumina_cli.data.readers.documents.zip_archive import MAGIC, ZipDocument, open_zip
from lumina_cli.data.readers.files import open_regular
from lumina_cli.data.report import Location, ReadReport
from lumina_cli.errors import DataError

TEXT_SUFFIXES = frozenset([".txt", ".json", ".jsonl", ".ndjson", ".csv", ".md", ".text", ""])

_OTHER_FORMATS = ("[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF")
_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError),
    *(NotImplementedError, RuntimeError, ValueError, IndexError),
)
"""What the library raises for archives that are damaged, or packed in ways it does not know."""


def is_archive(path: Path) -> bool:
    """Say whether a file is a zip archive, and none of the formats that only look like one."""
    with open_regular(path) as file:
        if file.read(len(MAGIC)) != MAGIC:
            return False
    try:
        with open_zip(path) as archive:
            names = archive.names
    except DataError:
        return False
    return not any(name in _OTHER_FORMATS or name.endswith("/data.pkl") for name in names)


@contextmanager
def open_archive(
    path: Path, *, encoding: str, report: ReadReport
) -> Iterator[Iterator[ExportFile]]:
    """Open an archive; it gives its text files, in the order of names, while it is open.

    Raises:
        DataError: it is damaged, or unpacks to far more than text does.
    """
    with open_zip(path) as archive:
        yield _Members(path, archive, encoding=encoding).files(report)


class _Members:
    def __init__(self, path: Path, archive: ZipDocument, *, encoding: str) -> None:
        self._path = path
        self._archive = archive
        self._encoding = encoding
        self._cache: dict[str, Any] = {}

    def files(self, report: ReadReport) -> Iterator[ExportFile]:
        """Yield the text files; others are counted."""
        for name in sorted(self._archive.names):
            base = posixpath.basename(name)
            if not base or name.startswith("__MACOSX/") or base.startswith("."):
                continue
            location = Location(self._path / name.lstrip("/"))
            suffix = Path(base.lower()).suffix
            if suffix == ".zip":
                wording = "an archive inside the archive; unpack it to have it read"
                report.notices.add(wording, location)
            elif suffix not in TEXT_SUFFIXES:
                report.left_out.add("a file of the archive is no text", location)
            else:
                yield self._file(name)

    def _file(self, name: str) -> ExportFile:
        def open_member() -> AbstractContextManager[IO[str]]:
            return self._open(name)

        def beside(other: str) -> ExportFile | None:
            path = posixpath.normpath(posixpath.join(posixpath.dirname(name), other))
            return self._file(path) if self._archive.has(path) else None

        return ExportFile(self._path / name.lstrip("/"), open_member, beside, self._cache)

    @contextmanager
    def _open(self, name: str) -> Iterator[IO[str]]:
        codec = "utf-8-sig" if self._encoding.lower() in ("utf-8", "utf8") else self._encoding
        path = self._path / name.lstrip("/")
        try:
            with self._archive.open(name) as member:
                yield io.TextIOWrapper(member, encoding=codec)
        except UnicodeError as error:
            raise DataError(
                f"{path} is not {self._encoding}: {getattr(error, 'reason', error)}",
                hint="Unpack the archive, and name how the file is written: --encoding NAME.",
            ) from error
        except _ERRORS as error:
            raise DataError(
                f"{path} can't be unpacked: {error}",
                hint="Export the chat once more, or unpack it by other means and give the files.",
            ) from error
