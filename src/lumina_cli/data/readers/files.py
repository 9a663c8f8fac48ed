"""Which files are read, and how they are opened: regular files only, without blocking.

A named pipe or a device could block for ever or never end, so nothing but a regular file
is opened. A file that changes between two looks is refused: half of the old and half of
the new text is neither.
"""

import difflib
import errno
import io
import os
import re
import stat
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from lumina_cli.data.report import Location, ReadReport
from lumina_cli.errors import DataError, LuminaError, MissingInputError, StorageError
from lumina_cli.io import regular_file
from lumina_cli.io.regular_file import other_kind
from lumina_cli.io.shell_word import shell_word

PLAIN_SUFFIXES = frozenset(
    {".csv", ".json", ".jsonl", ".md", ".ndjson", ".parquet", ".text", ".tsv", ".txt"}
)
DOCUMENT_SUFFIXES = frozenset(
    {".docx", ".eml", ".epub", ".htm", ".html", ".mbox", ".srt", ".vtt", ".xhtml", ".xml"}
    | {".yaml", ".yml"}
)
DATA_SUFFIXES = PLAIN_SUFFIXES | DOCUMENT_SUFFIXES | {".zip"}
MOST_COMPARED = 1000
"""Names beside one that is not there."""
IGNORED_NAMES = frozenset({"dataset.json", "dataset_infos.json", "license", "readme"})
"""Files beside the data, named without .md or .txt, that are not read with a folder."""


class Stamp(NamedTuple):
    """Identity, size and time of a file: equal as long as it is unchanged."""

    device: int
    inode: int
    size: int
    modified_ns: int


def find_files(paths: Sequence[Path], *, report: ReadReport) -> list[Path]:
    """Return the files to read: those named, and those of the folders named, in a fixed order.

    A file that is reached twice is read once, and a notice says so.

    Raises:
        MissingInputError: a path is missing or can't be opened, or a folder holds no data.
        DataError: a path is neither a file nor a folder.
    """
    found: dict[tuple[int, int] | Path, Path] = {}
    for path in paths:
        for file in _files_at(path, report=report):
            identity = _identity(file)
            if identity in found:
                report.notices.add("the same file is named twice; it is read once", Location(file))
            found.setdefault(identity, file)
    return list(found.values())


def data_suffix(path: Path) -> str:
    """Return the ending of a file's name in lower case, without .gz."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def open_regular(path: Path) -> io.BufferedReader:
    """Open a regular file for reading; anything else is refused without a wait."""
    _refuse_special(path, status(path))
    try:
        return regular_file.open_regular(path)
    except OSError as error:
        raise unreadable(path, error) from error


def stamp_of(path: Path, file: io.BufferedReader | None = None) -> Stamp:
    """Return the stamp of a path, or of the file opened from it."""
    now = os.fstat(file.fileno()) if file else status(path)
    return Stamp(now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns)


def changed(path: Path) -> DataError:
    """Return the error for a file that changed under the reader."""
    return DataError(
        f"{path} changed while it was read",
        hint="Wait until nothing writes to it any more, then run the same command again.",
    )


def status(path: Path) -> os.stat_result:
    """Return the status of what `path` leads to, or raise what a person can mend."""
    try:
        return path.stat()
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError | ValueError) -> LuminaError:
    """Return the error that says why `path` can't be read."""
    code = getattr(error, "errno", None)
    if code == errno.ELOOP:
        return MissingInputError(f"{path} is a link that leads back to itself")
    if isinstance(error, FileNotFoundError | NotADirectoryError | ValueError):
        dangling = not isinstance(error, ValueError) and path.is_symlink()
        what = "is a link to nothing" if dangling else "is not there"
        return MissingInputError(f"{path} {what}", hint=_instead_of(path))
    if isinstance(error, PermissionError):
        return MissingInputError(f"{path} can't be opened: no permission")
    if code in (errno.ENAMETOOLONG, errno.EINVAL):
        return MissingInputError(f"{path} can't be opened: {error}")
    return StorageError(f"{path} can't be read: {getattr(error, 'strerror', None) or error}")


def _instead_of(path: Path) -> str:
    """Return what to name instead of a path that leads nowhere."""
    if str(path).startswith("~"):
        return "In quotes, ~ is not your home: leave the quotes out, or write the whole path."
    if len(parts := re.split("[, ]+", str(path))) > 1 and all(
        Path(part).exists() for part in parts
    ):
        flags = " ".join(f"--data {shell_word(part)}" for part in parts[:5])
        return f"Name each on its own: {flags} (for data check without --data)"
    if any(each in str(path) for each in "*?"):
        return "No file is called so: name a folder, and all files in it are read."
    if close := _close_to(path):
        return f"Did you mean {shell_word(close)}?"
    return "Name a file or folder that exists, or `starter` for the built-in corpus."


def _close_to(path: Path) -> Path | None:
    """Return the file or folder beside a path whose name is nearly the same."""
    try:
        names = [each.name for each in islice(path.parent.iterdir(), MOST_COMPARED)]
    except (OSError, ValueError):
        return None
    close = difflib.get_close_matches(path.name, names, n=1, cutoff=0.75)
    return path.parent / close[0] if close else None


def _files_at(path: Path, *, report: ReadReport) -> Iterator[Path]:
    mode = status(path).st_mode
    if not stat.S_ISDIR(mode):
        _refuse_special(path, status(path))
        yield path
        return
    files = [file for file in _walk(path, report=report) if _is_data(file, report=report)]
    if not files:
        raise MissingInputError(
            f"{path} holds no file to read ({', '.join(sorted(DATA_SUFFIXES))}, or these as .gz)",
            hint="Name the file itself if it has another ending: --data FOLDER/FILE.",
        )
    yield from files


def _walk(folder: Path, *, report: ReadReport) -> Iterator[Path]:
    """Yield the files below a folder in the order of names; links to folders are not followed."""

    def refuse(error: OSError) -> None:
        raise unreadable(Path(error.filename or folder), error) from error

    for root, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            if Path(root, name).is_symlink():
                report.notices.add("a link to a folder is not followed", Location(Path(root, name)))
        yield from (Path(root, name) for name in sorted(names) if not name.startswith("."))


def _is_data(file: Path, *, report: ReadReport) -> bool:
    """Say whether a file of a folder is read; a notice tells of those that are not."""
    name = file.name.lower().removesuffix(".gz")
    suffix = Path(name).suffix
    if name in IGNORED_NAMES or name.removesuffix(suffix) in IGNORED_NAMES:
        return False
    if suffix not in DATA_SUFFIXES:
        report.notices.add("a file with another ending is not read", Location(file), example=suffix)
        return False
    try:
        _refuse_special(file, status(file))
    except LuminaError as error:
        report.notices.add("a file of the folder can't be read", Location(file), example=str(error))
        return False
    return True


def _refuse_special(path: Path, found: os.stat_result) -> None:
    if what := other_kind(found):
        raise DataError(
            f"{path} is {what}, not a file",
            hint="Copy what it gives into a file first, and name that file.",
        )


def _identity(file: Path) -> tuple[int, int] | Path:
    found = status(file)
    return (found.st_dev, found.st_ino) if found.st_ino else file.resolve()
