"""Errors as lines on stderr and an exit code."""

import errno
import os
import sys
import threading
from collections.abc import Callable

import pytest
import torch
import typer

from lumina_cli.cli.errors import run_guarded, show_tracebacks_cleaned
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
        *(
            (error, 75, ["error: memory ran out", "Use a smaller model: --preset small"])
            for error in (
                MemoryError(),
                OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
                RuntimeError("can't start new thread"),
                ImportError("libtorch_cpu.so: failed to map segment from shared object"),
            )
        ),
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


@pytest.mark.parametrize("is_aborted", [False, True])
def test_who_interrupts_is_told_what_is_kept(
    capsys: pytest.CaptureFixture[str], *, is_aborted: bool
) -> None:
    def command() -> None:
        interrupt = KeyboardInterrupt()
        interrupt.add_note("It is kept.")
        if is_aborted:
            raise typer.Abort from interrupt
        raise interrupt

    assert run_guarded(command) == 130
    assert capsys.readouterr().err == "Stopped. It is kept.\n"


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


@pytest.mark.parametrize(
    "error", [SystemError("returned NULL without setting an exception"), ImportError("libx.so")]
)
def test_an_odd_error_means_memory_where_memory_is_limited(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    resource = pytest.importorskip("resource")
    with pytest.raises(type(error)):
        run_guarded(raising(error))
    monkeypatch.setattr(resource, "getrlimit", lambda _: (10**9, 10**9))
    assert run_guarded(raising(error)) == 75
    with pytest.raises(ModuleNotFoundError):
        run_guarded(raising(ModuleNotFoundError("no module named tensorboard")))


def test_a_message_of_any_length_is_a_line_of_bounded_length(
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = "x" * 10_000_000
    run_guarded(raising(DataError(f"{name} is broken\nerror: forged", hint=f"Remove {name}.")))
    message, hint = capsys.readouterr().err.splitlines()
    assert len(message) <= 507
    assert message.endswith("x is broken error: forged")
    assert len(hint) <= 500


@pytest.mark.parametrize("level", [0, 2])
def test_a_traceback_obeys_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], level: int
) -> None:
    monkeypatch.setattr(verbosity, "level", level)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    show_tracebacks_cleaned()
    wicked = f"\x9b2J\x1b[31m\u202e{'x' * 10_000_000}"
    if level:
        run_guarded(raising(DataError(wicked)))
    else:
        thread = threading.Thread(target=raising(KeyError(wicked)))
        thread.start()
        thread.join()
        sys.excepthook(ValueError, ValueError(wicked), None)
    err = capsys.readouterr().err
    assert ("Traceback" in err) or ("ValueError: 2J[31mx" in err)
    assert not set("\x9b\x1b\u202e") & set(err)
    assert max(map(len, err.splitlines())) <= 2000
