"""Errors as lines on stderr and an exit code."""

import errno
import os
from collections.abc import Callable

import pytest
import torch
import typer

from lumina_cli.cli.errors import run_guarded
from lumina_cli.cli.verbosity import verbosity
from lumina_cli.errors import (
    DataError,
    DivergedError,
    LuminaError,
    OutOfMemoryError,
    UsageError,
)


def raising(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "exit_code", "lines"),
    [
        (UsageError("bad option", hint="Use another."), 2, ["error: bad option", "Use another."]),
        (DataError("line 3 is broken"), 65, ["error: line 3 is broken"]),
        (OutOfMemoryError("too much", hint="Use less."), 75, ["error: too much", "Use less."]),
        (DivergedError("no number"), 76, ["error: no number"]),
        (KeyboardInterrupt(), 130, ["Stopped."]),
        (MemoryError(), 75, ["error: memory ran out", "Use a smaller model: --preset small"]),
        (
            torch.OutOfMemoryError("CUDA out of memory"),
            75,
            ["error: memory ran out", "Use a smaller model: --preset small"],
        ),
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "samples.txt"),
            74,
            [f"error: samples.txt: {os.strerror(errno.ENOSPC)}"],
        ),
    ],
    ids=repr,
)
def test_what_a_person_can_mend_is_a_line_or_two_and_an_exit_code(
    capsys: pytest.CaptureFixture[str], error: BaseException, exit_code: int, lines: list[str]
) -> None:
    assert run_guarded(raising(error)) == exit_code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[: len(lines)] == lines
    assert len(err.splitlines()) <= 2


def test_a_command_that_ends_well_is_zero() -> None:
    assert run_guarded(lambda: None) == 0


def test_our_own_fault_shows_its_traceback() -> None:
    for error in (AssertionError("shape"), RuntimeError("shape"), KeyError("x")):
        with pytest.raises(type(error)):
            run_guarded(raising(error))


def all_errors(kind: type[LuminaError] = LuminaError) -> list[type[LuminaError]]:
    return [kind, *(each for sub in kind.__subclasses__() for each in all_errors(sub))]


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        *((kind("no good"), kind.exit_code) for kind in all_errors()),
        (typer.BadParameter("no good"), 2),
        (OSError(errno.EIO, "no good"), 74),
        (MemoryError("no good"), 75),
        (torch.OutOfMemoryError("no good"), 75),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_twice_verbose_shows_a_traceback_too_and_leaves_the_exit_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    exit_code: int,
) -> None:
    monkeypatch.setattr(verbosity, "level", 1)
    assert run_guarded(raising(error)) == exit_code
    told = capsys.readouterr().err
    assert "Traceback" not in told
    monkeypatch.setattr(verbosity, "level", 2)
    assert run_guarded(raising(error)) == exit_code
    err = capsys.readouterr().err
    assert err.startswith("Traceback")
    assert err.endswith(told)


def test_a_message_is_no_markup_and_obeys_no_escape(capsys: pytest.CaptureFixture[str]) -> None:
    message = "[bold]x[/bold] [link=evil]\x1b]0;owned\x07 in a.txt:3 \x9b2J"
    run_guarded(raising(DataError(message, hint="[red]\x1b[31mhint")))
    err = capsys.readouterr().err
    assert err == "error: [bold]x[/bold] [link=evil]]0;owned in a.txt:3 2J\n[red][31mhint\n"


def test_a_long_message_stays_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    run_guarded(raising(DataError("word " * 60)))
    assert len(capsys.readouterr().err.splitlines()) == 1
