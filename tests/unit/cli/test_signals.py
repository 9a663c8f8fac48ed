"""Signals where a limit of memory leaves no room for the thread that waits for them."""

import os
import signal
import threading

import pytest

from lumina_cli.cli.signals import stop_signals

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")


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
