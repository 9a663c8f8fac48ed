"""Folders for this user alone: what people said, and what was learnt from it, lies in them.

Windows keeps a user's folders from others by itself.
"""

import os
import stat
from pathlib import Path

from lumina_cli.errors import StorageError

PRIVATE = 0o700


def make_private_folder(folder: Path) -> None:
    """Make a folder that no other user can look into; one that is there stays as it is.

    What leads to it is made as other folders are. Raises OSError.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=PRIVATE, exist_ok=True)


def is_own(found: os.stat_result) -> bool:
    """Whether something belongs to the user who runs this program."""
    return os.name == "nt" or found.st_uid == os.geteuid()


def check_trusted(folder: Path) -> None:
    """Make sure that no other user could have put anything into a folder, if it is there.

    One of ours that a group may write to is closed to it: some systems make all folders so.

    Raises:
        StorageError: it belongs to somebody else, or everybody may write to it.
    """
    if os.name == "nt":
        return
    try:
        found = folder.stat()
    except OSError:
        return
    if not is_own(found):
        raise _not_trusted(folder, "belongs to another user")
    if found.st_mode & stat.S_IWOTH:
        raise _not_trusted(folder, "can be written to by every user")
    if found.st_mode & stat.S_IWGRP:
        try:
            folder.chmod(stat.S_IMODE(found.st_mode) & ~stat.S_IWGRP)
        except OSError as error:
            raise _not_trusted(folder, "can be written to by other users") from error


def _not_trusted(folder: Path, why: str) -> StorageError:
    return StorageError(
        f"the cache {folder} {why}: nothing in it is trusted",
        hint="Name another folder in LUMINA_CACHE_DIR.",
    )
