"""Work that is watched: it is given up when the hub keeps it waiting, whatever it waits in."""

import threading
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TypeVar

from lumina_cli.data.hub.watching.traffic import Traffic

Result = TypeVar("Result")

LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Transfer:
    """How far a download is: what it does, and its bytes where there are any."""

    what: str
    done_bytes: int = 0
    total_bytes: int | None = None


def watched(work: Callable[[], Result], *, traffic: Traffic) -> Generator[Transfer, None, Result]:
    """Do some work beside; yield how far it is, and return what it gives.

    Raises:
        RefusedAnswerError: the hub keeps it waiting, or answered what is not gone on with.
        Exception: what the work raises.
    """
    ended: SimpleQueue[tuple[Result | None, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            ended.put((work(), None))
        except BaseException as error:  # raised again where it is waited for
            ended.put((None, error))

    # a daemon, since some waits (of a name server) can't be ended at all
    threading.Thread(target=run, daemon=True).start()
    try:
        while True:
            with suppress(Empty):
                result, error = ended.get(timeout=LOOK_S)
                break
            if reason := traffic.trouble():
                raise traffic.refuse(reason)
            yield Transfer(traffic.what, traffic.done_bytes, traffic.total_bytes)
    finally:
        traffic.stop()
    if traffic.refusal:
        raise traffic.refusal from error
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # None only where the work gives it
