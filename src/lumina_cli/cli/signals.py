"""Signals while training: the first asks for a clean end, the second ends at once.

A Python handler runs only between two bytecodes, which during a long operation of torch
may be minutes away. So the signal's number goes to a socket, written by the interpreter's
own C handler, and a thread that waits there acts upon it. Where a limit of memory leaves
no room for a thread, the Python handlers act.
"""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

FIRST_STATUS = 128
"""A process that a signal ended exits with this plus the signal's number."""

_SHOW_CURSOR = b"\x1b[?25h\n"
_STOP = {signal.SIGINT, signal.SIGTERM}
_SAVE = getattr(signal, "SIGUSR1", None)
"""Windows has no such signal."""


class StopSignals:
    """What was received so far; `received` is the first signal that asked for the end."""

    def __init__(self, *, stop: Callable[[], None], save: Callable[[], None]) -> None:
        self.received: signal.Signals | None = None
        self._stop = stop
        self._save = save

    @property
    def exit_code(self) -> int | None:
        """128 plus the signal's number, as a shell would say; None without a signal."""
        return None if self.received is None else FIRST_STATUS + self.received

    def act(self, number: int) -> None:
        """Do what a signal asks for."""
        if number == _SAVE:
            self._save()
        elif self.received is None:
            self.received = signal.Signals(number)
            self._stop()
        else:
            _leave_at_once(FIRST_STATUS + number)


@contextmanager
def stop_signals(*, stop: Callable[[], None], save: Callable[[], None]) -> Iterator[StopSignals]:
    """Watch for signals.

    Args:
        stop: called, as a rule from another thread, at the first Ctrl-C or SIGTERM; the
            second one ends the process.
        save: called in the same way at SIGUSR1.
    """
    signals = StopSignals(stop=stop, save=save)
    watched = [*_STOP, *([_SAVE] if _SAVE is not None else [])]
    with _watching(signals) as is_watched:
        # Handlers that do nothing are needed too: without one the C handler would not write.
        handler = (lambda *_: None) if is_watched else (lambda number, _: signals.act(number))
        previous = {number: signal.signal(number, handler) for number in watched}
        try:
            yield signals
        finally:
            for number, earlier in previous.items():
                signal.signal(number, earlier)


@contextmanager
def _watching(signals: StopSignals) -> Iterator[bool]:
    """Act on signals in a thread; yield whether there was room for one."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    thread = threading.Thread(target=_watch, args=(reader, signals), daemon=True)
    with reader, writer:
        try:
            thread.start()
        except RuntimeError:  # it takes a stack of some MB
            yield False
            return
        previous_writer = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        try:
            yield True
        finally:
            signal.set_wakeup_fd(previous_writer)
            writer.close()
            thread.join(timeout=1)


def _watch(reader: socket.socket, signals: StopSignals) -> None:
    watched = {*_STOP, _SAVE}
    while received := reader.recv(16):
        for number in received:
            if number in watched:
                signals.act(number)


def _leave_at_once(status: int) -> None:
    if sys.stderr.isatty():
        os.write(2, _SHOW_CURSOR)  # a live view has hidden it
    os._exit(status)
