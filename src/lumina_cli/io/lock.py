"""One run at a time on one folder.

The lock is the system's own on an open file, so it ends with the process that holds it,
however that ends; nothing stale can be left behind.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lumina_cli.errors import OutputError
from lumina_cli.io.folders.private_folder import PRIVATE

LOCK_NAME = "lock"
LOOKS, LOOK_S = 2, 0.02
_OPEN = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)  # what a link leads to is not ours to empty


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold a folder, which is made if it is not there, for this user alone: it tells of the text.

    Raises:
        OutputError: another process holds it, or the folder can't be made.
    """
    try:
        folder.mkdir(mode=PRIVATE, exist_ok=True)
        handle = os.open(folder / LOCK_NAME, _OPEN | os.O_CREAT, 0o666)
    except OSError as error:
        raise OutputError(
            f"the run's folder {folder} can't be written: {error.strerror}",
            hint="Name another place with: --out FOLDER/Model.pth",
        ) from error
    try:
        _lock(handle, folder=folder)
        with suppress(OSError):  # who holds it is worth knowing, but no condition
            os.ftruncate(handle, 0)
            os.write(handle, str(os.getpid()).encode())
        yield
    finally:
        with suppress(OSError):  # whatever the disk says to it, the file is closed
            os.close(handle)  # and with it the lock


def is_held(folder: Path) -> bool:
    """Whether a process holds the folder now."""
    try:
        check_free(folder)
    except OutputError:
        return True
    return False


def check_free(folder: Path) -> None:
    """Raise OutputError if another process holds the folder now; write nothing."""
    try:
        handle = os.open(folder / LOCK_NAME, _OPEN)
    except OSError:
        return
    try:
        _lock(handle, folder=folder)
    finally:
        with suppress(OSError):
            os.close(handle)


def _lock(handle: int, *, folder: Path) -> None:
    try:
        _try_patiently(handle)
    except (BlockingIOError, PermissionError) as error:
        with suppress(OSError):
            holder = os.pread(handle, 20, 0).decode(errors="replace") if os.name != "nt" else ""
            process = f" (process {holder})" if holder.isdigit() else ""
            raise OutputError(
                f"another run{process} is training in {folder}",
                hint="Wait for it, stop it, or write elsewhere: --out OTHER/Model.pth",
            ) from error
    except OSError:
        return  # some network disks know no locks; then nobody can be told apart


def _try_patiently(handle: int) -> None:
    """Lock a file, although somebody may be looking at it: that takes microseconds."""
    for _ in range(LOOKS):
        try:
            return _try_lock(handle)
        except (BlockingIOError, PermissionError):
            time.sleep(LOOK_S)
    return _try_lock(handle)


def _try_lock(handle: int) -> None:
    if os.name == "nt":
        import msvcrt  # noqa: PLC0415  Windows only

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        import fcntl  # noqa: PLC0415  POSIX only

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
