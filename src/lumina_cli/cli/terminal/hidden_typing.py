"""Keys that are typed while something is drawn: they wait, unseen, for what is read next."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

try:
    import termios
except ImportError:  # Windows shows keys only where they are read
    termios = None  # type: ignore[assignment]

_modes: list[Any] | None = None
"""Of the terminal, before keys were hidden; None while they are seen."""


@contextmanager
def typing_hidden() -> Iterator[None]:
    """Have the terminal show no keys meanwhile; Ctrl-C works as ever."""
    _hide()
    try:
        yield
    finally:
        show_typing()


def show_typing() -> None:
    """Have the terminal show keys again, if they are hidden."""
    global _modes  # the terminal is one, whoever draws on it
    modes, _modes = _modes, None
    if modes is not None:
        _set(modes)


def _hide() -> None:
    global _modes
    if termios is None or _modes is not None or not _is_ours():
        return
    with suppress(termios.error):
        _modes = termios.tcgetattr(0)
        hidden = list(_modes)
        hidden[3] &= ~termios.ECHO
        _set(hidden)


def _set(modes: list[Any]) -> None:
    if _is_ours():
        with suppress(termios.error):
            termios.tcsetattr(0, termios.TCSADRAIN, modes)


def _is_ours() -> bool:
    """Whether a person types to this process; one in the background would be stopped."""
    try:
        return bool(sys.stdin) and os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False
