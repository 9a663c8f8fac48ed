"""The cache of encoded text: a folder an entry, each whole or not there.

It is kept small: the entries used least recently go when there are more than MOST_ENTRIES,
or more than MOST_BYTES. One that a process holds open stays. Nothing is ever removed but what
this program made (see `owned_folder`), wherever LUMINA_CACHE_DIR points to.

A building that was interrupted, and wrote down how far it came (PROGRESS), is gone on with by the
next one of the same name. The latest of these stays for a day; what else a process that died left
half built goes after a day, too.

Any number of processes may build, open and prune at once: an entry is held before it can be
seen, whoever opens one holds it first, and whoever removes one holds it alone.
"""

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from lumina_cli.errors import StorageError
from lumina_cli.io.folders.owned_folder import (
    BUILDING,
    HAS_LOCKS,
    MARKER,
    REMOVED,
    Hold,
    finish_folder,
    hold_folder,
    is_removable,
    make_folder,
    read_marker,
    remove_folder,
)
from lumina_cli.io.folders.private_folder import check_trusted, make_private_folder
from lumina_cli.io.folders.user_folders import cache_place

MOST_ENTRIES = 20
MOST_BYTES = 10_000_000_000
LEFTOVER_S = 24 * 3600
PROGRESS = "progress.json"
GOES_ON = "What was read is kept for a day: the same command goes on with it."
"""A note on what interrupted a building."""
CORPORA = "lumina-corpora-v1"
COMPILED = "lumina-compiled"

TRIES, PAUSE_S = 200, 0.005
"""To put an entry where others build and remove the same one."""

_TAKEN = {errno.EEXIST, errno.ENOTEMPTY}


def cache_folder() -> Path:
    """Return where this program may keep things."""
    return cache_place().folder


def cache_notices() -> list[str]:
    """Tell where things are kept instead, where the usual folder can't be used."""
    place = cache_place()
    if not place.why:
        return []
    return [f"{place.why}: encoded text is kept in {place.folder} (LUMINA_CACHE_DIR names another)"]


def corpora_folder() -> Path:
    """Return where encoded text is kept: a folder of its own in the cache."""
    return cache_folder() / CORPORA


def compiled_folder() -> Path:
    """Return where compiled code is kept."""
    return cache_folder() / COMPILED


def build_entry(path: Path, build: Callable[[Path], None]) -> Hold | None:
    """Build in a folder beside `path`, rename it when it is whole, and hold what is there.

    The folder may hold what an interrupted building left (see PROGRESS). Where another process
    was first, its entry is held: it is just as good. None where there is none to be had, however
    often that is tried.

    Raises:
        StorageError: the folder can't be written, the disk is full, other users may write to it,
            or something that is not ours stands at `path`.
    """
    check_trusted(path.parent)
    _check_place(path)
    try:
        make_private_folder(path.parent)
        held = _interrupted_building(path) or make_folder(path.parent, name=path.name)
    except OSError as error:
        raise _cache_error(path.parent, error) from error
    is_kept = False
    try:
        build(held.path)
        finish_folder(held)
        return _put_in_place(held, path)
    except OSError as error:
        raise _cache_error(path.parent, error) from error
    except (KeyboardInterrupt, SystemExit, MemoryError) as error:
        is_kept = _is_interrupted(held.path) and held.lock(alone=True)  # as who goes on with it
        if is_kept:
            error.add_note(GOES_ON)
        raise
    finally:
        if held.path != path:
            if not is_kept:
                remove_folder(held)
            held.release()


def hold_entry(path: Path) -> Hold | None:
    """Hold an entry and mark it as used now; None where there is none.

    Raises:
        StorageError: other users may write to the folder that it is in.
    """
    check_trusted(path.parent)
    held = hold_folder(path)
    if held is not None:
        with suppress(OSError):
            os.utime(path / MARKER)
    return held


def discard_entry(damaged: Hold) -> None:
    """Take away an entry that turned out damaged; who has opened it keeps what it opened."""
    remove_folder(damaged)
    damaged.release()


def prune(folder: Path) -> None:
    """Remove old leftovers, and the entries used least recently beyond what may be kept.

    What can't be removed stays; the next call tries again.
    """
    interrupted = [each for each in _own_folders(folder) if _is_interrupted(each)]
    latest = max(interrupted, key=lambda each: _modified_s(each / PROGRESS), default=None)
    for leftover in _own_folders(folder):
        is_earlier = leftover in interrupted and leftover != latest
        if leftover.name.startswith(REMOVED) or is_earlier or _is_old_building(leftover):
            _remove_unless_held(leftover)
    entries = [each for each in _own_folders(folder) if not _is_leftover(each)]
    entries.sort(key=lambda entry: _modified_s(entry / MARKER), reverse=True)
    num_bytes = 0
    for number, entry in enumerate(entries):
        num_bytes += sum(map(_size, _files(entry)))
        if number and (number >= MOST_ENTRIES or num_bytes > MOST_BYTES):
            _remove_unless_held(entry)


def _interrupted_building(path: Path) -> Hold | None:
    """Hold the folder in which the building of an entry was interrupted; None for no such."""
    for folder in filter(_is_interrupted, _own_folders(path.parent)):
        held = hold_folder(folder, alone=True)
        if held is None:
            continue
        is_it = held.marker.name == path.name and is_removable(folder, held.marker)
        if is_it and held.lock(alone=False):
            return held
        held.release()
    return None


def _is_interrupted(folder: Path) -> bool:
    """Whether a building wrote down how far it came, for one at a time to go on with.

    It may be going on.
    """
    return HAS_LOCKS and folder.name.startswith(BUILDING) and (folder / PROGRESS).is_file()


def _put_in_place(held: Hold, path: Path) -> Hold | None:
    """Hold the entry at `path`: a whole folder that is renamed to there, or another's."""
    for _ in range(TRIES):
        if _has_moved(held, path):
            return hold_entry(path) if held.is_released else held
        if (other := hold_entry(path)) is not None:
            return other
        _check_place(path)
        time.sleep(PAUSE_S)  # others take turns in building it and taking it away
    return None


def _has_moved(held: Hold, path: Path) -> bool:
    """Rename a folder to where it is looked for, unless something lies there."""
    if os.path.lexists(path):
        return False
    if os.name == "nt":
        held.release()  # Windows renames no folder in which a file is open
    try:
        held.path.rename(path)
    except OSError as error:
        if error.errno in _TAKEN or os.path.lexists(path):  # another process was first
            return False
        raise
    held.path = path
    return True


def _remove_unless_held(folder: Path) -> None:
    held = hold_folder(folder, alone=True)
    if held is not None:
        remove_folder(held)
        held.release()


def _check_place(path: Path) -> None:
    """Refuse to build where something else stands that will never be an entry."""
    if os.path.lexists(path) and read_marker(path) is None and os.path.lexists(path):
        raise StorageError(
            f"{path} is in the way of an entry of the cache, and this program did not make it",
            hint="Move it away, or name another folder in LUMINA_CACHE_DIR.",
        )


def _own_folders(folder: Path) -> Iterator[Path]:
    try:
        found = sorted(folder.iterdir())
    except OSError:
        return
    yield from (each for each in found if read_marker(each) is not None)


def _is_leftover(folder: Path) -> bool:
    return folder.name.startswith((BUILDING, REMOVED))


def _is_old_building(folder: Path) -> bool:
    """Whether nothing in a folder that is being built was written for long."""
    newest_s = max(map(_modified_s, [folder, *_files(folder)]))
    return folder.name.startswith(BUILDING) and time.time() - newest_s > LEFTOVER_S


def _files(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # it goes away at this moment
        return []


def _modified_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return time.time()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _cache_error(folder: Path, error: OSError) -> StorageError:
    return StorageError(
        f"the encoded text can't be written to {folder}: {error.strerror or error}",
        hint="Make room there, or name another folder in LUMINA_CACHE_DIR.",
    )
