"""How a group ended, told to the launcher of `--nproc` in a folder (no torch)."""

import contextlib
import os
import signal
from pathlib import Path

from lumina_cli.core.training.parallel.place import END_FOLDER
from lumina_cli.io.regular_file import read_whole

_CODE, _WHY, _PID = "code", "why", "pid-"


class Ending:
    """What the processes of a launch tell their launcher.

    Args:
        folder: of the launch; None where another launcher started this process.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    @property
    def is_told(self) -> bool:
        """Whether there is somebody to tell it to."""
        return self._folder is not None

    @property
    def code(self) -> int | None:
        """The exit code of the whole, where it was told."""
        text = self._read(_CODE)
        return int(text) if text.isdigit() else None

    @property
    def why(self) -> str:
        """Which rank was lost and how, where another noticed it."""
        return self._read(_WHY)

    def tell_code(self, code: int) -> bool:
        """Tell the exit code of the whole; what was told first stands. Return whether this is."""
        return self._write(_CODE, str(code))

    def tell_why(self, why: str) -> None:
        """Tell which rank was lost and how."""
        self._write(_WHY, why)

    def tell_process(self, rank: int) -> None:
        """Tell which process this rank is, at its start; nobody has been lost since then."""
        with contextlib.suppress(OSError):
            if self._folder is not None:
                (self._folder / _WHY).unlink(missing_ok=True)
                (self._folder / f"{_PID}{rank}").write_text(str(os.getpid()), encoding="utf-8")

    def send_to_first(self, number: int) -> None:
        """Send a signal to the first rank, if it has begun."""
        self._send(self._folder / f"{_PID}0" if self._folder else None, number)

    def kill_workers(self) -> None:
        """End all processes of the launch that are left."""
        for path in self._folder.glob(f"{_PID}*") if self._folder else []:
            self._send(path, getattr(signal, "SIGKILL", signal.SIGTERM))

    def _send(self, path: Path | None, number: int) -> None:
        with contextlib.suppress(OSError, ValueError):
            if path is not None:
                os.kill(int(read_whole(path)), number)

    def _read(self, name: str) -> str:
        with contextlib.suppress(OSError):
            if self._folder is not None:
                return read_whole(self._folder / name).decode()
        return ""

    def _write(self, name: str, text: str) -> bool:
        with contextlib.suppress(OSError):
            if self._folder is not None:
                with (self._folder / name).open("x", encoding="utf-8") as file:
                    file.write(text)
                return True
        return False


def find_ending() -> Ending:
    """Return where this process tells how the group ended."""
    folder = os.environ.get(END_FOLDER)
    return Ending(Path(folder) if folder else None)
