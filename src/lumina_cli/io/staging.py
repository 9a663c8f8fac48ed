"""What is written beside its place until it is whole, and what a killed process left of it.

Such a file or folder is locked by the process that writes it; the system's lock ends with the
process. Its name says that it is ours: a random part is followed by a digest of that part and of
the place's name. Whoever writes to the same place next takes away what is ours and is not locked.
"""

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lumina_cli.io.folders.private_folder import PRIVATE, is_own

try:
    import fcntl
except ImportError:  # Windows, where what was left can't be told from what is being written
    fcntl = None  # type: ignore[assignment]

STAGING_SUFFIX = ".writing"
NAME_CHARS = 24
"""Of a file's name, in the name of what is written beside it: enough to tell whose it was, and
short enough for any file system."""

NEW, OLD = "new", "old"
"""In a staging folder: what is being made, and what stood in its place until it is there."""

_GONE = "gone"
_RANDOM_BYTES, _DIGEST_CHARS = 8, 16
_MAX_TRIES = 10
_LOOK = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
_CREATE |= getattr(os, "O_BINARY", 0)  # Windows alone has it

Handle = int
"""What `os.open` returns."""

IsOurs = Callable[[Path], bool]
"""Whether what stands there was put there by this program, unchanged: then it may go."""


@contextmanager
def staging_file(path: Path, *, mode: int = 0o666) -> Iterator[tuple[Path, Handle]]:
    """Give a new file beside `path`, open for writing; it is gone at the end unless renamed.

    Whoever is given the handle closes it. Raises OSError.
    """
    remove_leftovers(path)
    with contextlib.ExitStack() as held:
        for _ in range(_MAX_TRIES):
            staging = path.with_name(_new_name(path.name))
            with contextlib.suppress(FileExistsError):
                handle = os.open(staging, _CREATE, mode)
                if _lock_here(staging, held):
                    break
                os.close(handle)
        else:
            raise FileExistsError(errno.EEXIST, "every name for a file beside it is taken")
        try:
            yield staging, handle
        finally:
            with contextlib.suppress(OSError):  # gone already, unless something failed
                staging.unlink()


@contextmanager
def staging_folder(path: Path, *, is_ours: IsOurs) -> Iterator[Path]:
    """Give a new private folder beside `path`, for what is called NEW and OLD in it.

    At the end it is gone, unless OLD is in it and could not be put back. Raises OSError.
    """
    remove_leftovers(path, is_ours=is_ours)
    with contextlib.ExitStack() as held:
        for _ in range(_MAX_TRIES):
            staging = path.with_name(_new_name(path.name))
            with contextlib.suppress(FileExistsError):
                staging.mkdir(mode=PRIVATE)
                if _lock_here(staging, held):
                    break
        else:
            raise FileExistsError(errno.EEXIST, "every name for a folder beside it is taken")
        try:
            yield staging
        finally:
            _empty(staging)


def discard(old: Path) -> None:
    """Remove what stood in a place that is taken by what is new, out of sight first."""
    with contextlib.suppress(OSError):
        old.rename(old.with_name(_GONE))
    _remove(old.with_name(_GONE))


def remove_leftovers(path: Path, *, is_ours: IsOurs = lambda _: False) -> None:
    """Remove what processes that were killed had begun to write to `path`.

    What they had moved aside meanwhile is put back where nothing has taken its place; else it
    goes if it is ours, and stays if it is not.
    """
    if fcntl is None:
        return
    with contextlib.suppress(OSError):  # a folder that can't be listed has other troubles
        for found in path.parent.iterdir():
            if is_staging_name(found.name, of=path.name):
                _take_away(found, path, is_ours=is_ours)


def is_staging_name(name: str, *, of: str) -> bool:
    """Whether what is written to `of` was given this name here."""
    start = _start(of)
    random = name[len(start) : len(start) + 2 * _RANDOM_BYTES]
    return name.startswith(start) and name == _name(of, random)


def _new_name(of: str) -> str:
    return _name(of, secrets.token_hex(_RANDOM_BYTES))


def _start(of: str) -> str:
    return f".{of[:NAME_CHARS]}."


def _name(of: str, random: str) -> str:
    digest = hashlib.sha256(os.fsencode(f"lumina writes {random} {of}")).hexdigest()
    return f"{_start(of)}{random}{digest[:_DIGEST_CHARS]}{STAGING_SUFFIX}"


def _lock_here(staging: Path, held: contextlib.ExitStack) -> bool:
    """Lock what was just made; False if it was taken for a leftover in the moment before."""
    try:
        descriptor = os.open(staging, _LOOK)
    except FileNotFoundError:
        return False
    except OSError:  # a folder of Windows; a file that nobody may read: then nobody removes it
        return True
    held.callback(_close, descriptor)
    return _lock(descriptor) is not False and _is_at(descriptor, staging)


def _take_away(staging: Path, path: Path, *, is_ours: IsOurs) -> None:
    """Remove a leftover, unless it is in use or anything but a file or a folder of this user."""
    descriptor = os.open(staging, _LOOK)
    try:
        found = os.fstat(descriptor)
        is_plain = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
        if not (is_plain and is_own(found) and _lock(descriptor) and _is_at(descriptor, staging)):
            return
        if stat.S_ISREG(found.st_mode):
            staging.unlink()
            return
        _settle(staging / OLD, path, is_ours=is_ours)
        _empty(staging)
    finally:
        _close(descriptor)


def _settle(old: Path, path: Path, *, is_ours: IsOurs) -> None:
    if not os.path.lexists(old):
        return
    if not os.path.lexists(path):
        old.rename(path)
    elif is_ours(old):
        discard(old)


def _empty(staging: Path) -> None:
    """Remove a staging folder; OLD stays, and the folder with it."""
    for ours in (f"{NEW}*", f".{NEW}*{STAGING_SUFFIX}", _GONE):
        for child in staging.glob(ours):
            _remove(child)
    with contextlib.suppress(OSError):
        staging.rmdir()


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _lock(descriptor: int) -> bool | None:
    """Lock without waiting; False if another has it, None where a file system has no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except OSError:
        return False


def _close(descriptor: int) -> None:
    with contextlib.suppress(OSError):  # whatever the disk says to it, the file is closed
        os.close(descriptor)
