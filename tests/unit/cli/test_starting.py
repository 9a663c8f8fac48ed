"""The line that is shown while a command starts."""

import io
import sys

import pytest

from lumina_cli.cli.starting import StartingLine, takes_long


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Let stderr be a terminal; in the test itself, as pytest puts its own there before it."""
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    return terminal


def screen(written: str) -> str:
    """Return what a terminal shows of a line that carriage returns go back in."""
    shown = ""
    for part in written.split("\r"):
        shown = part + shown[len(part) :]
    return shown.rstrip()


def test_a_shorter_line_replaces_a_longer_one_and_erasing_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = on_terminal(monkeypatch)
    line = StartingLine()
    line.show("reading all of the data")
    assert screen(terminal.getvalue()) == "reading all of the data"
    line.update("starting")
    assert screen(terminal.getvalue()) == "starting"
    line.erase()
    assert screen(terminal.getvalue()) == ""
    assert terminal.getvalue().endswith("\r")


def test_erasing_takes_the_echo_of_ctrl_c_away(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    line = StartingLine()
    line.show("starting")
    terminal.write("^C")
    line.erase()
    assert screen(terminal.getvalue()) == ""


def test_nothing_is_shown_once_something_else_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    line = StartingLine()
    line.show("starting")
    line.erase()
    before = terminal.getvalue()
    line.update("late")
    line.erase()
    assert terminal.getvalue() == before


def test_a_pipe_and_a_terminal_that_knows_no_way_back_get_no_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = on_terminal(monkeypatch)
    monkeypatch.setenv("TERM", "dumb")
    StartingLine().show("starting")
    monkeypatch.setattr(sys, "stderr", pipe := io.StringIO())
    StartingLine().show("starting")
    assert terminal.getvalue() == pipe.getvalue() == ""


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("train --data a.txt", True),
        ("chat", True),
        ("data check a.txt", True),
        ("train --help", False),
        ("train --list-presets", False),
        ("train -q", False),
        ("docs data", False),
        ("--version", False),
        ("", False),
    ],
)
def test_only_commands_that_take_long_have_one(typed: str, expected: bool) -> None:
    assert takes_long(typed.split()) is expected
