"""Files written whole or not at all, through any crash or power cut.

What was at a path stays there until what comes is safe on disk: written beside it, synced,
renamed over it, and the folder synced. Each of these is one call of the `os` module.
"""

import os
from collections.abc import Callable
from pathlib import Path

from lumina_cli.errors import OutputError, StorageError
from lumina_cli.io.names import check_length
from lumina_cli.io.staging import Handle, staging_file


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path`. Raises as `replace_file` does."""
    replace_file(path, lambda handle: write_all(handle, content))


def replace_file(path: Path, write: Callable[[Handle], None], *, mode: int = 0o666) -> None:
    """Put what `write` writes at `path`.

    Args:
        path: of a regular file, or of nothing.
        write: what goes there, to an open file.
        mode: of the new file, less what the umask takes.

    Raises:
        OutputError: there is no such folder, it can't be written to, the name is too long, or
            something that is no regular file stands at `path`.
        StorageError: the disk is full or fails; what stood at `path` still does.
    """
    check_regular(path)
    if not path.parent.is_dir():
        raise OutputError(
            f"folder {path.parent} does not exist",
            hint="Create it, or name another place with --out.",
        )
    try:
        with staging_file(path, mode=mode) as (staging, handle):
            try:
                write(handle)
                os.fsync(handle)
            finally:
                os.close(handle)
            staging.replace(path)
    except PermissionError as error:
        raise OutputError(f"{path} can't be written: {error.strerror}") from error
    except OSError as error:
        raise _storage_error(path, error) from error
    sync_rename(path)


def check_regular(path: Path) -> None:
    """Raise OutputError where a device, a pipe, a socket or a folder stands: a file is renamed.

    The same for a link that leads nowhere, and for a name that is too long for a file.
    """
    check_length(path)
    if path.is_symlink() and not path.exists():
        raise OutputError(f"{path} is a link that leads nowhere", hint="Name a file: --out FILE")
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "a device, a pipe or a socket, not a file"
        raise OutputError(f"{path} is {what}", hint="Name a file: --out Model.pth")


def write_all(handle: Handle, content: bytes) -> None:
    """Write everything; the system may take it in several bites."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(handle, rest) :]


def sync_rename(path: Path) -> None:
    """Make what was just renamed to `path` last through a power cut.

    Raises:
        StorageError: the disk does not confirm it; what is new stands at `path` all the same.
    """
    try:
        sync_folder(path.parent)
    except OSError as error:
        raise StorageError(
            f"{path} is written, but the disk does not confirm it: {error.strerror or error}",
            hint="Until it does, a power cut may take it away: look at the disk.",
        ) from error


def sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut; Windows has no such call."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _storage_error(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{path} can't be written: {error.strerror or error}",
        hint="Make room on the disk; what was saved before is still there.",
    )
