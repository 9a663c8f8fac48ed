"""Where an export goes: built beside its place, and put there once it is whole and checked.

Nothing of the user's is written over. An earlier export is, if it is as this program wrote it: a
folder says so by a list of its files with their digests, a file by a sign in its own format.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lumina_cli.errors import OutputError, StorageError
from lumina_cli.io.atomic import sync_folder
from lumina_cli.io.names import check_length
from lumina_cli.io.regular_file import open_regular, read_whole
from lumina_cli.io.staging import NEW, OLD, IsOurs, discard, staging_folder

MANIFEST = "lumina-export.json"
_FORMAT = "lumina-export"


@contextmanager
def export_folder(path: Path) -> Iterator[Path]:
    """Give a new folder to be filled; it takes its place when all went well, else it is gone.

    Raises:
        OutputError: something that is no unchanged export stands there, or it can't be made.
        StorageError: the disk is full or fails.
    """
    check_readable_by_libraries(path)
    with _staging(path, is_ours=_is_our_folder) as staging:
        staging.mkdir()
        yield staging
        _write_manifest(staging)


@contextmanager
def export_file(path: Path, *, is_ours: IsOurs, flag: str = "--out") -> Iterator[Path]:
    """Give the path of a new file to be written; see `export_folder`.

    Args:
        path: where it goes in the end.
        is_ours: whether what stands there is an export of this kind, to be replaced.
        flag: that names the place.
    """

    def is_our_file(found: Path) -> bool:
        return found.is_file() and is_ours(found)

    with _staging(path, is_ours=is_our_file, flag=flag) as staging:
        yield staging


@contextmanager
def _staging(path: Path, *, is_ours: IsOurs, flag: str = "--out") -> Iterator[Path]:
    try:
        check_place(path, is_ours=is_ours, flag=flag)
        with staging_folder(path, is_ours=is_ours) as folder:
            new = folder / f"{NEW}{path.suffix}"
            yield new
            # Somebody may have put something there meanwhile.
            check_place(path, is_ours=is_ours, flag=flag)
            _put(new, path)
    except OSError as error:
        raise StorageError(
            f"{path} can't be written: {error.strerror or error}", hint="Make room on the disk."
        ) from error


def check_place(path: Path, *, is_ours: IsOurs, flag: str = "--out") -> None:
    """Make sure that an export can go to `path`.

    Raises:
        OutputError: it can't: its folder is not there, its name is too long, or something
            stands there that is no export of this kind.
    """
    if not path.name:
        hint = f"Name what is to be made: {flag} NAME"
        raise OutputError(f"{path} can't be replaced", hint=hint)
    check_length(path, path.with_name("x" * 64))
    if not path.parent.is_dir():
        hint = f"Create it, or name another place with {flag}."
        raise OutputError(f"folder {path.parent} does not exist", hint=hint)
    if not os.access(path.parent, os.W_OK):
        raise OutputError(
            f"folder {path.parent} can't be written to", hint=f"Name another place with {flag}."
        )
    if os.path.lexists(path) and (path.is_symlink() or not is_ours(path)):
        raise OutputError(
            f"{path} is there already, and is no unchanged export of this kind: it is left alone",
            hint=f"Name another place with {flag}, or move it away.",
        )


def check_readable_by_libraries(path: Path) -> None:
    """Refuse a place whose name is not UTF-8: the libraries that check an export can't open it.

    Raises:
        OutputError: it is none.
    """
    try:
        os.fspath(path.absolute()).encode()
    except UnicodeEncodeError as error:
        raise OutputError(
            f"{path} has a name that is not UTF-8, and other programs can't open it",
            hint="Choose a name and a folder in UTF-8: --out NAME",
        ) from error


def _put(new: Path, path: Path) -> None:
    """Rename what is whole to its place; an earlier folder can't be renamed over, so it goes."""
    for file in [new / name for name in _files_in(new)] if new.is_dir() else [new]:
        _sync(file)
    if not path.is_dir():
        new.replace(path)
    else:
        old = new.with_name(OLD)
        path.rename(old)
        try:
            new.rename(path)
        except OSError:
            old.rename(path)
            raise
        discard(old)
    sync_folder(path.parent)


def _sync(path: Path) -> None:
    """Bring what is written of a file to the disk."""
    handle = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_manifest(folder: Path) -> None:
    files = {name: _digest(folder / name) for name in _files_in(folder)}
    text = json.dumps({"format": _FORMAT, "files": files}, indent=2) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8", newline="\n")


def _is_our_folder(folder: Path) -> bool:
    """Whether a folder holds just what an export put there, or nothing."""
    try:
        if not any(folder.iterdir()):
            return True
        manifest = json.loads(read_whole(folder / MANIFEST))
        files = manifest["files"]
        found = {name: _digest(folder / name) for name in _files_in(folder) if name != MANIFEST}
        return bool(manifest["format"] == _FORMAT and files == found)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _files_in(folder: Path) -> list[str]:
    """Return the names of all files in a folder and below. Raises OSError for what is no file."""
    names: list[str] = []
    for path in sorted(folder.rglob("*")):
        if not path.is_dir() or path.is_symlink():
            open_regular(path).close()
            names.append(path.relative_to(folder).as_posix())
    return names


def _digest(path: Path) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
