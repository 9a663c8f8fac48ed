"""Signals while training: the first asks for a clean end, a second one ends at once.

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
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import NoReturn

from lumina_cli.cli.terminal.hidden_typing import show_typing

FIRST_STATUS = 128
"""A process that a signal ended exits with this plus the signal's number."""

_LEAVE_VIEW = b"\x1b[?7h\x1b[?25h\n"
"""Long lines go on in the next, and the cursor is seen: a live view wants neither."""


def _named(*names: str) -> set[signal.Signals]:
    """Return those of the signals that this system has."""
    return {signal.Signals[name] for name in names if name in signal.Signals.__members__}


_SAVE = getattr(signal, "SIGUSR1", None)
"""Windows has no such signal."""

_ASKED = {signal.SIGINT, signal.SIGTERM, *_named("SIGQUIT", "SIGBREAK")}
"""What a person or a system sends to end a process; the second of these ends it at once. The
others come again by themselves: SIGHUP from the shell and from the kernel, SIGXCPU each second."""

_NOT_TAKEN = _named(
    *("SIGKILL", "SIGSTOP"),  # can't be
    *("SIGCHLD", "SIGCLD", "SIGCONT", "SIGURG", "SIGWINCH", "SIGINFO"),  # end no process
    *("SIGTSTP", "SIGTTIN", "SIGTTOU"),  # hold it
    *("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT", "SIGTRAP", "SIGSYS", "SIGEMT"),  # faults
    *(() if sys.platform == "linux" else ("SIGIO", "SIGPOLL")),  # end a process on Linux alone
)


class StopSignals:
    """What was received so far; `received` is the first signal that asked for the end."""

    def __init__(
        self, *, stop: Callable[[], None], save: Callable[[], None], is_alone: bool = True
    ) -> None:
        self.is_alone = is_alone
        self.received: int | None = None
        self._is_asked = False
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
            return
        if self.is_alone and self._is_asked and number in _ASKED:
            _leave_at_once(FIRST_STATUS + number)
        self._is_asked |= number in _ASKED
        if self.received is None:
            self.received = number
            self._stop()


@contextmanager
def stop_signals(
    *, stop: Callable[[], None], save: Callable[[], None], is_alone: bool = True
) -> Iterator[StopSignals]:
    """Watch for signals.

    Args:
        stop: called, as a rule from another thread, at the first Ctrl-C, SIGTERM, SIGHUP or
            other signal that ends a process; the second Ctrl-C or SIGTERM ends it at once.
        save: called in the same way at SIGUSR1.
        is_alone: whether a second signal ends it at once; not where a launcher passes on what
            this process was sent, too, and ends it in time.
    """
    signals = StopSignals(stop=stop, save=save, is_alone=is_alone)
    watched = signals_taken()
    with _watching(signals, watched) as is_watched:
        # Handlers that do nothing are needed too: without one the C handler would not write.
        handler = (lambda *_: None) if is_watched else (lambda number, _: signals.act(number))
        previous = {number: signal.signal(number, handler) for number in watched}
        try:
            yield signals
        finally:
            for number, earlier in previous.items():
                signal.signal(number, earlier)


@contextmanager
def signals_clear_away() -> Iterator[None]:
    """Let what a signal ends clear away what it has begun: it raises SystemExit, as Ctrl-C does."""

    def leave(number: int, _: object) -> NoReturn:
        for each in previous:
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(FIRST_STATUS + number)

    previous = {number: signal.getsignal(number) for number in signals_taken() - {signal.SIGINT}}
    for number in previous:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number, earlier in previous.items():
            signal.signal(number, earlier)


def signals_taken() -> set[int]:
    """Return the signals to act upon: all that would end this process, faults apart.

    What is ignored (`nohup`) stays ignored, and who has a handler (a profiler) keeps it.
    """
    by_default = {
        number
        for number in signal.valid_signals() - _NOT_TAKEN
        if signal.getsignal(number) == signal.SIG_DFL
    }
    return {int(number) for number in by_default | {signal.SIGINT, signal.SIGTERM}}


@contextmanager
def _watching(signals: StopSignals, watched: Collection[int]) -> Iterator[bool]:
    """Act on signals in a thread; yield whether there was room for one."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    thread = threading.Thread(target=_watch, args=(reader, signals, watched), daemon=True)
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


def _watch(reader: socket.socket, signals: StopSignals, watched: Collection[int]) -> None:
    while received := reader.recv(16):
        for number in received:
            if number in watched:
                signals.act(number)


def _leave_at_once(status: int) -> None:
    show_typing()
    if sys.stderr.isatty():
        os.write(2, _LEAVE_VIEW)
    os._exit(status)
