"""System calls that fail one after the other, and processes that die between two of them.

An operation is done again and again, each time with the next call of the system failing, until
one time none is left to fail. A disk that is full at any byte is the system's own: its limit on
the size of a file.
"""

import contextlib
import errno
import io
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CALLS = (
    "open",
    "write",
    "pwrite",
    "fsync",
    "close",
    "ftruncate",
    "mkdir",
    "rename",
    "replace",
    "link",
    "unlink",
    "rmdir",
    "chmod",
    "fchmod",
    "utime",
)
"""Of `os`: all that this program writes with, but for file objects; to open those fails as well."""

NEED_ROOM = {"write", "pwrite", "fsync", "mkdir", "open file", "link"}

FAILURES = (errno.ENOSPC, errno.EIO, errno.EACCES)


class Killed(BaseException):
    """Stands for the end of the process: nothing that is done afterwards reaches the disk."""


class FailingCalls:
    """Lets the nth call fail with an error, or end the process as far as the disk can tell.

    Args:
        nth: call that fails, counted from 1.
        code: of the error; None where the process dies before the call.
        lasts: whether all later calls that need room fail as well: the disk stays full.
    """

    def __init__(self, nth: int, *, code: int | None, lasts: bool = False) -> None:
        self.nth = nth
        self.code = code
        self.lasts = lasts
        self.count = 0
        self.failed: str = ""
        self._open: dict[int, os.stat_result] = {}

    def wrap(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if self.failed and self.code is None:
                if name == "close":
                    with contextlib.suppress(OSError):
                        call(*args, **kwargs)
                raise Killed
            if name == "mkdir" and Path(args[0]).is_dir():
                return call(*args, **kwargs)  # it is told first that it is there
            can_fail = name != "open" or _is_for_writing(*args)
            self.count += can_fail
            if (can_fail and self.count == self.nth) or (
                self.failed and self.lasts and name in NEED_ROOM
            ):
                self.failed = self.failed or name
                if name == "close":
                    call(*args, **kwargs)  # a file is closed, whatever the disk says to it
                if self.code is None:
                    raise Killed
                raise OSError(self.code, os.strerror(self.code), *_names(args))
            result = call(*args, **kwargs)
            if name == "open":
                self._open[result] = os.fstat(result)
            elif name == "close":
                self._open.pop(args[0], None)
            return result

        return wrapped

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for name in CALLS:
                if hasattr(os, name):
                    patch.setattr(os, name, self.wrap(name, getattr(os, name)))
            patch.setattr(io, "open", self._writing_fails(io.open))
            yield

    def end_process(self) -> None:
        """Close what is open, as the system does, and with it every lock."""
        for handle, opened in self._open.items():
            with contextlib.suppress(OSError):
                if os.path.samestat(os.fstat(handle), opened):
                    os.close(handle)

    def _writing_fails(self, call: Callable[..., Any]) -> Callable[..., Any]:
        failing = self.wrap("open file", call)

        def opened(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            wanted = failing if set(mode) & set("wax+") else call
            return wanted(file, mode, *args, **kwargs)

        return opened


def _is_for_writing(path: Any, flags: int, *_: Any) -> bool:
    """Whether a file is opened to write to it, or a folder to sync it."""
    return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) or Path(path).is_dir()


def _names(args: tuple[Any, ...]) -> list[str]:
    return [str(arg) for arg in args[:1] if isinstance(arg, (str, Path))]


@dataclass(frozen=True)
class Failure:
    """How an operation ended: `error` is what it raised, `call` what had failed."""

    folder: Path
    call: str
    error: BaseException | None


def failures(
    folder: Path,
    prepare: Callable[[Path], object],
    act: Callable[[Path], object],
    *,
    code: int | None,
) -> Iterator[Failure]:
    """Yield how an operation ends with its first call failing, with its second, and so on.

    Args:
        folder: in which each has an own one.
        prepare: leaves what is there before.
        act: the operation.
        code: of the error; None where the process dies.
    """
    nth = 0
    while True:
        nth += 1
        place = folder / f"{code}-{nth}"
        place.mkdir()
        prepare(place)
        calls, error = FailingCalls(nth, code=code), None
        try:
            with calls.installed():
                act(place)
        except (Exception, Killed) as raised:
            error = raised.with_traceback(None)
        if isinstance(error, Killed):
            calls.end_process()
        if not calls.failed:
            assert error is None, error
            assert nth > 1, "nothing was called that could fail"
            return
        yield Failure(place, calls.failed, error)
        shutil.rmtree(place)


@contextlib.contextmanager
def full_disk(num_bytes: int) -> Iterator[None]:
    """Let no file grow beyond some bytes: what is written comes to an end in its middle."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder by name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if stat.S_ISREG(path.lstat().st_mode)
    }
