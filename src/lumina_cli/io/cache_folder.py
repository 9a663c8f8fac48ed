"""The cache of encoded text: a folder an entry, each whole or not there.

It is kept small: the entries used least recently go when there are more than MOST_ENTRIES,
or more than MOST_BYTES. One that a process holds open stays. What a process that died left
half built goes after a day.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from lumina_cli.errors import StorageError

try:
    import fcntl
except ImportError:  # Windows, where a file that is open can't be deleted anyway
    fcntl = None  # type: ignore[assignment]

MOST_ENTRIES = 20
MOST_BYTES = 10_000_000_000
LEFTOVER_S = 24 * 3600
DESCRIPTION = "corpus.json"
BUILDING = "building-"


def cache_folder() -> Path:
    """Return where encoded text is kept: LUMINA_CACHE_DIR, or the user's cache folder."""
    if chosen := os.environ.get("LUMINA_CACHE_DIR"):
        return Path(chosen)
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "lumina" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lumina"


def build_atomically(path: Path, build: Callable[[Path], None]) -> None:
    """Build in a folder beside `path` and rename it when it is whole.

    Raises:
        StorageError: the folder can't be written, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=BUILDING, dir=path.parent))
    except OSError as error:
        raise _cache_error(path.parent, error) from error
    try:
        build(staging)
        if not path.exists():
            staging.rename(path)
    except OSError as error:
        if not (path / DESCRIPTION).exists():  # else another run was first: just as good
            raise _cache_error(path.parent, error) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def hold(path: Path) -> int | None:
    """Mark an entry as used now and by this process, until the descriptor is closed."""
    with suppress(OSError):
        os.utime(path / DESCRIPTION)
    if fcntl is None:
        return None
    try:
        descriptor = os.open(path / DESCRIPTION, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    with suppress(OSError):  # a file system without locks: the entry is young, and stays
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return descriptor


def prune(folder: Path) -> None:
    """Remove old leftovers, and the entries used least recently beyond what may be kept.

    What can't be removed stays; the next call tries again.
    """
    now_s = time.time()
    for leftover in _subfolders(folder):
        if leftover.name.startswith(BUILDING) and now_s - _newest_s(leftover) > LEFTOVER_S:
            shutil.rmtree(leftover, ignore_errors=True)
    entries = [each for each in _subfolders(folder) if (each / DESCRIPTION).is_file()]
    entries.sort(key=lambda entry: _modified_s(entry / DESCRIPTION), reverse=True)
    num_bytes = 0
    for number, entry in enumerate(entries):
        num_bytes += sum(_size(file) for file in entry.iterdir())
        if number and (number >= MOST_ENTRIES or num_bytes > MOST_BYTES) and not _is_held(entry):
            remove(entry)


def remove(entry: Path) -> None:
    """Remove an entry if it is there, out of sight first: nobody may open half of it."""
    gone = entry.with_name(f"{BUILDING}{entry.name}")
    with suppress(OSError):
        entry.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def _is_held(entry: Path) -> bool:
    if fcntl is None:
        return False
    try:
        descriptor = os.open(entry / DESCRIPTION, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _subfolders(folder: Path) -> Iterator[Path]:
    try:
        found = sorted(folder.iterdir())
    except OSError:
        return
    yield from (each for each in found if each.is_dir() and not each.is_symlink())


def _newest_s(folder: Path) -> float:
    """Return when anything in a folder was last written: one that is being built is young."""
    return max(map(_modified_s, [folder, *folder.iterdir()]))


def _modified_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # it goes away at this moment
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
