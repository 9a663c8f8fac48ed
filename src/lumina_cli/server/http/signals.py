"""Signals of a server: the first asks for a clean end, a second ends at once, SIGHUP reloads."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_FIRST_STATUS = 128
"""A process that a signal ended exits with this plus the signal's number."""

_STOPS = [signal.SIGINT, signal.SIGTERM] + [
    signal.Signals[name] for name in ("SIGBREAK",) if name in signal.Signals.__members__
]
_RELOAD: int | None = getattr(signal, "SIGHUP", None)
"""Windows has no such signal."""

_STDIN = 0


class ServerSignals:
    """What was received so far; `received` is the first signal that asked for the end."""

    def __init__(
        self,
        *,
        stop: Callable[[], None],
        reload: Callable[[], None],
        leave: Callable[[int], None] = os._exit,
    ) -> None:
        self.received: int | None = None
        self._stop = stop
        self._reload = reload
        self._leave = leave
        self._had_terminal = _has_terminal()

    def act(self, number: int) -> None:
        """Do what a signal asks for."""
        if number == _RELOAD and not (self._had_terminal and not _has_terminal()):
            self._reload()
        elif self.received is None:
            self.received = number
            self._stop()
        elif number != _RELOAD:
            self._leave(_FIRST_STATUS + number)

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Act on signals meanwhile; in another thread than the main one nothing is watched."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        watched = [*_STOPS, *([] if _RELOAD is None else [_RELOAD])]
        previous = {number: signal.signal(number, self._handle) for number in watched}
        try:
            yield
        finally:
            for number, earlier in previous.items():
                signal.signal(number, earlier)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self.act(number)


def _has_terminal() -> bool:
    """Tell whether somebody sits before it: SIGHUP also comes when a terminal is closed."""
    try:
        return os.isatty(_STDIN)
    except OSError:
        return False
