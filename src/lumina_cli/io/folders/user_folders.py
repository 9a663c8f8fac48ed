"""Where a user's folders are, also where there is no home: in a container, or under a bare number.

An environment may tell of no home, of one that is not there, or of one that can't be written to.
What is kept is then kept in the temporary folder, for this user alone; what reads it is told why.
"""

import contextlib
import os
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from lumina_cli.errors import StorageError
from lumina_cli.io.folders.private_folder import PRIVATE, is_own

CACHE_VARIABLE = "LUMINA_CACHE_DIR"


class Place(NamedTuple):
    """A folder, and why it is not the usual one; nothing where it is."""

    folder: Path
    why: str = ""


def home() -> Path | None:
    """Return the user's home; None where neither HOME nor the system knows of any."""
    with contextlib.suppress(RuntimeError):
        found = Path.home()
        return found if found.is_absolute() else None
    return None


def cache_place() -> Place:
    """Return where this program may keep things: LUMINA_CACHE_DIR, or the user's cache folder."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Place(Path(chosen))
    if os.name == "nt":
        return _usable(_below_home("LOCALAPPDATA"), "lumina", "cache")
    return _usable(_below_home("XDG_CACHE_HOME", ".cache"), "lumina")


def data_folder() -> Path:
    """Return where a person's own data of this program lives."""
    if sys.platform == "win32":
        return _usable(_below_home("LOCALAPPDATA"), "lumina").folder
    if sys.platform == "darwin":
        return _usable(_below_home("", "Library", "Application Support"), "lumina").folder
    return _usable(_below_home("XDG_DATA_HOME", ".local", "share"), "lumina").folder


def _below_home(variable: str, *names: str) -> Path | None:
    """Return the folder that a variable names, or one in the user's home."""
    if variable and (chosen := os.environ.get(variable)):
        return Path(chosen)
    found = home()
    return None if found is None else found.joinpath(*names)


def _usable(base: Path | None, *names: str) -> Place:
    """Return a folder in `base`, or in the temporary folder where that can't be written to."""
    if base is None:
        return Place(_temporary_folder(), "this user has no home")
    folder = base.joinpath(*names)
    if not _can_write(folder):
        return Place(_temporary_folder(), f"{folder} can't be written to")
    if folder.exists() and not is_own(folder.stat()):
        return Place(_temporary_folder(), f"{folder} belongs to another user")
    return Place(folder)


def _can_write(folder: Path) -> bool:
    """Whether a folder, or the first one above it that is there, can be written to."""
    for each in (folder, *folder.parents):
        try:
            if each.exists():
                return each.is_dir() and os.access(each, os.W_OK | os.X_OK)
        except OSError:  # a folder that we may not look into
            return False
    return False


def _temporary_folder() -> Path:
    try:
        return _folder_in(Path(tempfile.gettempdir()))
    except OSError as error:
        raise StorageError(
            f"there is no folder to keep anything in: {error.strerror or error}",
            hint=f"Name one in {CACHE_VARIABLE}, and one for temporary files in TMPDIR.",
        ) from error


@lru_cache(maxsize=8)
def _folder_in(temporary: Path) -> Path:
    """Return a folder of this user's own: what stands at its name may be another user's trap."""
    user = os.geteuid() if hasattr(os, "geteuid") else "user"
    folder = temporary / f"lumina-{user}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=PRIVATE)
    found = folder.lstat()
    is_private = os.name == "nt" or not found.st_mode & 0o077
    if folder.is_dir() and not folder.is_symlink() and is_own(found) and is_private:
        return folder
    return Path(tempfile.mkdtemp(prefix="lumina-", dir=temporary))
