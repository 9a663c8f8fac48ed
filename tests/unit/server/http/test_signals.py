"""What a signal does, and that everything is as before when the server ends."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from lumina_cli.server.http.signals import ServerSignals

if os.name != "posix":
    pytest.skip("signals as POSIX has them", allow_module_level=True)


class Told:
    """What a server was told, in order."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.signals = ServerSignals(
            stop=lambda: self.words.append("stop"),
            reload=lambda: self.words.append("reload"),
            leave=lambda status: self.words.append(f"leave {status}"),
        )


@pytest.fixture
def told() -> Told:
    """A server that was told nothing yet."""
    return Told()


def test_the_first_asks_for_the_end_and_the_second_leaves(told: Told) -> None:
    told.signals.act(signal.SIGTERM)
    assert told.words == ["stop"]
    told.signals.act(signal.SIGINT)
    assert told.words == ["stop", "leave 130"]
    assert told.signals.received == signal.SIGTERM


def test_sighup_reloads_as_often_as_it_comes(told: Told) -> None:
    for _ in range(3):
        told.signals.act(signal.SIGHUP)
    assert told.words == ["reload"] * 3
    assert told.signals.received is None


def test_sighup_of_a_closed_terminal_asks_for_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    controller, terminal = os.openpty()
    monkeypatch.setattr("lumina_cli.server.http.signals._STDIN", terminal)
    told = Told()
    told.signals.act(signal.SIGHUP)
    assert told.words == ["reload"]
    os.close(controller)
    told.signals.act(signal.SIGHUP)
    told.signals.act(signal.SIGHUP)
    assert told.words == ["reload", "stop"]
    os.close(terminal)


@pytest.fixture
def own_handlers() -> Iterator[list[object]]:
    """Handlers of somebody else, such as of a test runner."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, lambda *_: None) for number in numbers]
    yield [signal.getsignal(number) for number in numbers]
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def test_handlers_are_given_back(told: Told, own_handlers: list[object]) -> None:
    with told.signals.watch():
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGTERM)
    assert told.words == ["reload", "stop"]
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    assert [signal.getsignal(number) for number in numbers] == own_handlers


def test_another_thread_takes_no_signals(told: Told, own_handlers: list[object]) -> None:
    found: list[object] = []

    def watch() -> None:
        with told.signals.watch():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=watch)
    thread.start()
    thread.join()
    assert found == own_handlers[:1]
