"""Which signals are acted upon, and how often; and where there is no room for the thread."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lumina_cli.cli.signals import (
    StopSignals,
    signals_clear_away,
    signals_taken,
    stop_signals,
)
from lumina_cli.export.place import export_folder

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")


NOTHING_IGNORED = """
import signal
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    signal.signal(number, signal.SIG_DFL)  # a shell ignores them for what runs behind it
"""

WHAT_ENDS_A_PROCESS = """
import os, signal, sys, time
from lumina_cli.cli.signals import signals_taken

ends = []
for number in sorted(signal.valid_signals()):
    if signal.getsignal(number) not in (signal.SIG_DFL, signal.default_int_handler):
        continue
    signal.signal(number, signal.SIG_DFL) if number == signal.SIGINT else None
    child = os.fork()
    if not child:
        os.kill(os.getpid(), number)
        os._exit(0)
    while not (waited := os.waitpid(child, os.WUNTRACED))[0]:
        pass
    if os.WIFSTOPPED(waited[1]):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    elif os.WIFSIGNALED(waited[1]):
        ends.append(int(number))
print(ends)
print(sorted(signals_taken()))
"""
FAULTS = ["SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT", "SIGTRAP", "SIGSYS"]


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux what signals do")
def test_every_signal_that_ends_a_process_is_acted_upon_but_faults() -> None:
    command = [
        sys.executable,
        "-c",
        "import resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        + NOTHING_IGNORED
        + WHAT_ENDS_A_PROCESS,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    ends, taken = map(json.loads, done.stdout.splitlines())
    left = {signal.SIGKILL, *(signal.Signals[name] for name in FAULTS)}
    assert set(taken) == set(ends) - left
    assert {signal.SIGHUP, signal.SIGQUIT, signal.SIGXCPU, signal.SIGALRM} <= set(taken)


def test_what_is_ignored_or_has_a_handler_is_left_alone() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGALRM)}
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, lambda *_: None)
    try:
        assert not {signal.SIGHUP, signal.SIGALRM} & signals_taken()
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        assert signal.SIGHUP in signals_taken()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.parametrize(
    ("numbers", "leaves_with"),
    [
        ([signal.SIGINT, signal.SIGINT], 130),
        ([signal.SIGINT, signal.SIGTERM], 143),
        ([signal.SIGTERM, signal.SIGQUIT], 131),
        ([signal.SIGHUP, signal.SIGHUP], None),
        ([signal.SIGXCPU, signal.SIGXCPU, signal.SIGXCPU], None),
        ([signal.SIGHUP, signal.SIGTERM], None),
        ([signal.SIGTERM, signal.SIGHUP], None),
        ([signal.SIGHUP, signal.SIGTERM, signal.SIGTERM], 143),
    ],
    ids=lambda value: "-".join(each.name for each in value) if isinstance(value, list) else "",
)
def test_only_who_asks_twice_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, numbers: list[signal.Signals], leaves_with: int | None
) -> None:
    left: list[int] = []
    calls: list[str] = []
    monkeypatch.setattr("lumina_cli.cli.signals._leave_at_once", left.append)
    signals = StopSignals(stop=lambda: calls.append("stop"), save=lambda: calls.append("save"))
    for number in numbers:
        signals.act(number)
    assert left == ([] if leaves_with is None else [leaves_with])
    assert calls == ["stop"]
    assert signals.exit_code == 128 + numbers[0]


def test_without_a_thread_the_handlers_act(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGUSR1)}
    calls: list[str] = []
    with stop_signals(
        stop=lambda: calls.append("stop"), save=lambda: calls.append("save")
    ) as signals:
        signal.raise_signal(signal.SIGUSR1)
        signal.raise_signal(signal.SIGINT)
        assert calls == ["save", "stop"]
        assert signals.exit_code == 128 + signal.SIGINT
    assert before == {number: signal.getsignal(number) for number in before}


def export_and_be_ended(path: Path, number: signal.Signals) -> None:
    with signals_clear_away(), export_folder(path) as staging:
        (staging / "config.json").write_text("{}", encoding="utf-8")
        try:
            signal.raise_signal(number)
        finally:
            signal.raise_signal(number)  # a second one doesn't hold it up


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGXCPU"])
def test_what_a_signal_ends_clears_away_what_it_began(tmp_path: Path, name: str) -> None:
    number = signal.Signals[name]
    with pytest.raises(SystemExit) as ended:
        export_and_be_ended(tmp_path / "Model-hf", number)
    assert ended.value.code == 128 + number
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(number) == signal.SIG_DFL
