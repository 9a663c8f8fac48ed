"""Folders that this program made and may remove, told from everybody else's.

A name proves nothing: people keep folders of their own beside ours. So a folder is ours only if
it holds the marker that was written when it was made. The marker names the folder's entry and
is guarded by a digest; a copy under another name, a link, or a folder into which somebody put
something of their own is not ours, and stays. The marker is also the file that is locked: by
each process that uses the folder together (shared), by the one that takes it away alone.
"""

import contextlib
import errno
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from lumina_cli.io.folders.private_folder import PRIVATE, is_own
from lumina_cli.io.regular_file import read_whole

try:
    import fcntl
except ImportError:  # Windows, where a file that is open can't be deleted or renamed anyway
    fcntl = None  # type: ignore[assignment]

HAS_LOCKS = fcntl is not None
MARKER = "lumina-cache-entry.json"
BUILDING, REMOVED = "building-", "removed-"
_FORMAT = "lumina-cache-entry"


@dataclass(frozen=True, slots=True)
class Marker:
    """What a folder of ours says of itself.

    Args:
        name: of the entry that it is to become, or is.
        token: random; the folder's name while it is not an entry ends in it.
        files: in it, once it is whole.
    """

    name: str
    token: str
    files: tuple[str, ...] | None = None

    def to_json(self) -> str:
        """Return the text of the marker file."""
        return json.dumps({**self._content(), "digest": self._digest()})

    @classmethod
    def from_json(cls, text: str) -> "Marker | None":
        """Return what a marker file says; None if this program did not write it."""
        try:
            values = json.loads(text)
            files = values["files"]
            marker = cls(values["name"], values["token"], None if files is None else tuple(files))
            return marker if values == json.loads(marker.to_json()) else None
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    @property
    def folder_names(self) -> frozenset[str]:
        """The names that the folder may have."""
        return frozenset({self.name, BUILDING + self.token, REMOVED + self.token})

    def _content(self) -> dict[str, object]:
        files = None if self.files is None else list(self.files)
        return {"format": _FORMAT, "name": self.name, "token": self.token, "files": files}

    def _digest(self) -> str:
        return hashlib.sha256(json.dumps(self._content(), sort_keys=True).encode()).hexdigest()


class Hold:
    """A folder of ours that this process uses, until it is released or the process ends.

    Args:
        path: of the folder when it was taken.
        marker: of it.
        descriptor: of the marker file, which is open and locked.
    """

    def __init__(self, path: Path, *, marker: Marker, descriptor: int) -> None:
        self.path = path
        self.marker = marker
        self._descriptor: int | None = descriptor

    @property
    def is_released(self) -> bool:
        return self._descriptor is None

    def is_at(self, folder: Path) -> bool:
        """Whether it is this folder that lies there, and not one that has taken its place."""
        try:
            there = (folder / MARKER).stat()
            return self._descriptor is None or os.path.samestat(there, os.fstat(self._descriptor))
        except OSError:
            return False

    def lock(self, *, alone: bool) -> bool:
        """Hold the folder alone, or with others, from now on. Return whether that could be."""
        return self._descriptor is not None and _lock(self._descriptor, alone=alone)

    def release(self) -> None:
        """Let others remove the folder."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):  # whatever the disk says to it, the file is closed
                os.close(self._descriptor)  # and with it the lock
            self._descriptor = None


def make_folder(parent: Path, *, name: str) -> Hold:
    """Make a folder in which an entry is built, and hold it. Raises OSError."""
    marker = Marker(name, secrets.token_hex(8))
    folder = parent / f"{BUILDING}{marker.token}"
    folder.mkdir(mode=PRIVATE)  # what people said is nobody else's to read
    try:
        _write_marker(folder, marker)
        held = hold_folder(folder)
        if held is None:
            raise FileNotFoundError(errno.ENOENT, "what is built there was taken away")
    except OSError:
        with contextlib.suppress(OSError):
            (folder / MARKER).unlink(missing_ok=True)
            folder.rmdir()
        raise
    return held


def finish_folder(held: Hold) -> None:
    """Write down which files a folder that is whole consists of. Raises OSError."""
    files = tuple(sorted(path.name for path in held.path.iterdir() if path.name != MARKER))
    marker = Marker(held.marker.name, held.marker.token, files)
    _write_marker(held.path, marker)
    held.marker = marker


def _write_marker(folder: Path, marker: Marker) -> None:
    """Write a marker in one piece, over one that is shorter: there is always a whole one.

    The file stays the same, for it is locked.
    """
    flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    content = marker.to_json().encode().ljust(len(replace(marker, files=None).to_json()))
    handle = os.open(folder / MARKER, flags, 0o600)
    try:
        written = os.write(handle, content)
    finally:
        os.close(handle)
    if written < len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def read_marker(folder: Path) -> Marker | None:
    """Return the marker of a folder under the name that it gives; None if it is not ours."""
    path = folder / MARKER
    try:
        found = path.lstat()
        if folder.is_symlink() or not stat.S_ISREG(found.st_mode) or not is_own(found):
            return None
        marker = Marker.from_json(read_whole(path).decode())
    except (OSError, ValueError):
        return None
    return marker if marker and folder.name in marker.folder_names else None


def hold_folder(folder: Path, *, alone: bool = False) -> Hold | None:
    """Hold a folder of ours; None if it is not ours, not there, or others are in the way.

    Args:
        folder: that somebody may take away at any moment.
        alone: without anybody else: to take it away.
    """
    marker = read_marker(folder)
    if marker is None:
        return None
    try:
        descriptor = os.open(folder / MARKER, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return None
    held = Hold(folder, marker=marker, descriptor=descriptor)
    if _lock(descriptor, alone=alone) and held.is_at(folder):
        return held
    held.release()
    return None


def is_removable(folder: Path, marker: Marker) -> bool:
    """Whether all that lies in a folder was put there by this program."""
    try:
        found = {path.name: path.lstat().st_mode for path in folder.iterdir()}
    except OSError:
        return False
    if not all(map(stat.S_ISREG, found.values())):
        return False
    return marker.files is None or found.keys() <= {MARKER, *marker.files}


def remove_folder(held: Hold) -> bool:
    """Remove a folder that is held, out of sight first: nobody may open half of it.

    Return whether it is out of sight. What somebody else put into it stays, and it with it.
    """
    folder, marker = held.path, held.marker
    if not is_removable(folder, marker):
        return False
    gone = folder.with_name(REMOVED + marker.token)
    if fcntl is None:
        held.release()  # Windows renames no folder in which a file is open
    try:
        if folder != gone:
            folder.rename(gone)
    except OSError:
        return False
    if not held.is_at(gone):  # another took the place of ours in this very moment
        _put_back(gone, folder)
        return False
    with contextlib.suppress(OSError):  # what stays is ours by its marker, the last to go
        for path in _marker_last(gone):
            path.unlink()
        gone.rmdir()
    return True


def _put_back(folder: Path, path: Path) -> None:
    """Return a folder to its place; where that is taken by now, it is one too many."""
    with contextlib.suppress(OSError):
        if not os.path.lexists(path):
            folder.rename(path)
            return
        marker = Marker.from_json(read_whole(folder / MARKER).decode())
        if marker is not None:
            folder.rename(folder.with_name(REMOVED + marker.token))


def _marker_last(folder: Path) -> Iterator[Path]:
    yield from (path for path in folder.iterdir() if path.name != MARKER)
    yield folder / MARKER


def _lock(descriptor: int, *, alone: bool) -> bool:
    """Lock without waiting. Where a file system has no locks, all may use it and none remove."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return not alone
    return True
