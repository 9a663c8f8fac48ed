"""Keys stay unseen while something is drawn, on a terminal of its own."""

import os
import subprocess
import sys

import pytest

pty = pytest.importorskip("pty", reason="there are no such terminals here")

TAKE_TERMINAL = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)"
SCRIPT = """
import sys, termios
from lumina_cli.cli.terminal.hidden_typing import show_typing, typing_hidden
def echo(): return bool(termios.tcgetattr(0)[3] & termios.ECHO)
seen = [echo()]
with typing_hidden():
    seen.append(echo())
seen.append(echo())
typing_hidden().__enter__()
show_typing()
seen.append(echo())
print(seen)
"""


def test_the_terminal_shows_no_keys_meanwhile_and_all_of_them_afterwards() -> None:
    reader, terminal = pty.openpty()
    try:
        ended = subprocess.run(
            [sys.executable, "-c", TAKE_TERMINAL + SCRIPT],
            stdin=terminal,
            capture_output=True,
            text=True,
            timeout=30,
            start_new_session=True,
            check=False,
        )
    finally:
        os.close(reader)
        os.close(terminal)
    assert ended.stdout.strip() == "[True, False, True, True]", ended.stderr


def test_without_a_terminal_nothing_happens() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT.replace("termios.tcgetattr(0)[3]", "8")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
