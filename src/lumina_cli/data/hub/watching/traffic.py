"""What goes to the hub and comes back, counted and bounded.

The client that the library uses is one of ours: it bounds the time of each wait, the size of each
answer, and what an answer may ask for. A watcher asks `trouble` for what no time limit of a socket
sees: a head or a body that comes byte by byte, pages without end.
"""

import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lumina_cli.data.hub.watching.deadlines import Deadlines

MAX_ASIDE_BYTES = 1 << 20
"""Of an answer that is a redirect or an error."""


MAX_SEARCHED_BYTES = 1 << 23
"""Of a file that is read to see what a data set holds."""


class RefusedAnswerError(Exception):
    """An answer, or the want of one, that is not gone on with; the message says why."""


@dataclass(slots=True)
class _Exchange:
    """A question and what came of its answer; times as the clock gives them."""

    is_file: bool
    begun_s: float
    max_bytes: int | None
    has_head: bool = False
    last_s: float = 0.0
    num_bytes: int = 0
    window_s: float = 0.0
    window_bytes: int = 0


class Traffic:
    """Counts what comes from the hub; any thread may tell it, one asks it.

    Files whose names are closed are not sent any more: what they hold has been looked at.
    """

    def __init__(
        self, deadlines: Deadlines, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.deadlines = deadlines
        self.what = "asking the hub"
        self.is_searching = True
        self.total_bytes: int | None = None
        self.max_file_bytes: int | None = MAX_SEARCHED_BYTES
        self.closed_names: tuple[str, ...] = ()
        self.done_bytes = 0
        self.refusal: RefusedAnswerError | None = None
        self.is_stopped = False
        self._answer_bytes = 0
        self._clock = clock
        self._begun_s = clock()
        self._exchanges: dict[int, _Exchange] = {}
        self._lock = threading.Lock()

    def trouble(self) -> str | None:
        """Return why the hub is to be given up now, or None."""
        now, limits = self._clock(), self.deadlines
        if self.is_searching and now - self._begun_s > limits.search_s:
            return f"it has not told within {limits.search_s:g} s which files there are"
        if now - self._begun_s > limits.whole_s:
            return f"it has not sent all within {limits.whole_s:g} s"
        with self._lock:
            exchanges = list(self._exchanges.values())
        return next(filter(None, (_trouble_of(each, now, limits) for each in exchanges)), None)

    def refuse(self, reason: str) -> RefusedAnswerError:
        """Return an error to raise; whatever the library makes of it, `refusal` stays."""
        self.refusal = self.refusal or RefusedAnswerError(reason)
        return self.refusal

    def stop(self) -> None:
        """Have whatever still goes on end at its next byte."""
        self.is_stopped = True

    def refuse_if_stopped(self) -> None:
        """Raise RefusedAnswerError where nobody waits any more."""
        if self.is_stopped:
            raise RefusedAnswerError("nobody waits for it any more")

    def begin(self, request: Any) -> None:
        """Note that this thread asks something, and bound how long it waits for each part."""
        self._check()
        path = urlsplit(str(request.url)).path
        asks_file = request.method == "GET" and "/resolve/" in path
        if asks_file and path.rpartition("/")[2] in self.closed_names:
            raise self.refuse("it sends a card that it did not send before")
        is_file = request.extensions.setdefault("is_file", asks_file)  # redirects inherit it
        request.headers["accept-encoding"] = "identity"  # what packs a gigabyte in a megabyte
        limit = 2 * self.deadlines.silence_s  # `trouble` comes first, and says it better
        waits = request.extensions.get("timeout") or {}
        request.extensions["timeout"] = {
            name: min(waits.get(name) or limit, limit)
            for name in ("connect", "read", "write", "pool")
        }
        now = self._clock()
        exchange = _Exchange(is_file, now, self.max_file_bytes if is_file else None, last_s=now)
        with self._lock:
            self._exchanges[threading.get_ident()] = exchange

    def end(self) -> None:
        """Note that nothing more comes of what this thread asked."""
        with self._lock:
            self._exchanges.pop(threading.get_ident(), None)

    def saw_head(self, response: Any) -> None:
        """Refuse an answer by its head."""
        self._check()
        coding = response.headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("", "identity"):
            raise self.refuse(f"it sends {coding[:40]}, which was not asked for")
        asked_s = _wait_asked_for(response.headers) if response.status_code >= 400 else 0
        if asked_s > self.deadlines.wait_s:
            raise self.refuse(f"it asks to wait {asked_s:,} s: too many questions were put to it")
        if exchange := self._exchanges.get(threading.get_ident()):
            if response.status_code >= 300:
                exchange.max_bytes = MAX_ASIDE_BYTES
            now = self._clock()
            exchange.has_head = True
            exchange.last_s = exchange.window_s = now

    def saw_bytes(self, number: int, *, is_aside: bool) -> None:
        """Count what came of a body; refuse what is longer than it may be."""
        self._check()
        exchange = self._exchanges.get(threading.get_ident())
        if exchange is None:
            return
        exchange.last_s = self._clock()
        exchange.num_bytes += number
        if exchange.max_bytes is not None and exchange.num_bytes > exchange.max_bytes:
            raise self.refuse(f"an answer is longer than {exchange.max_bytes:,} bytes")
        if exchange.is_file and not is_aside and not self.is_searching:
            self.done_bytes += number
            return
        with self._lock:
            self._answer_bytes += number
        if self._answer_bytes > self.deadlines.max_answer_bytes:
            most = self.deadlines.max_answer_bytes
            raise self.refuse(f"its answers are longer than {most:,} bytes")

    def _check(self) -> None:
        if self.refusal:
            raise self.refusal
        self.refuse_if_stopped()


def _trouble_of(exchange: _Exchange, now: float, limits: Deadlines) -> str | None:
    if not exchange.has_head:
        if now - exchange.begun_s > limits.answer_s:
            return f"it has not answered within {limits.answer_s:g} s"
        return None
    if now - exchange.last_s > limits.silence_s:
        return f"it has sent nothing more for {limits.silence_s:g} s"
    if now - exchange.window_s > limits.slow_s:
        came = exchange.num_bytes - exchange.window_bytes
        if came < limits.min_bytes_per_s * limits.slow_s:
            return f"it has sent {came:,} bytes in {limits.slow_s:g} s"
        exchange.window_s, exchange.window_bytes = now, exchange.num_bytes
    return None


def _wait_asked_for(headers: Any) -> int:
    """Return the seconds an answer asks to wait, by either of its headers; 0 for none."""
    found = re.fullmatch(r"\s*(\d{1,18})\s*", headers.get("retry-after", ""))
    limited = re.search(r";\s*t\s*=\s*(\d{1,18})", headers.get("ratelimit", "")[:200])
    return max(int(each.group(1)) if each else 0 for each in (found, limited))


@contextmanager
def watched_library(traffic: Traffic) -> Iterator[None]:
    """Have the library of the hub ask through a client that `traffic` watches."""
    import huggingface_hub  # noqa: PLC0415  slow to load

    usual = huggingface_hub.get_session()
    kind, hooks = getattr(usual, "watched", (type(usual), usual.event_hooks))
    huggingface_hub.set_client_factory(lambda: _client(kind, hooks, traffic=traffic))
    try:
        yield
    finally:
        # else another is at work by now, whose client this would close
        if getattr(huggingface_hub.get_session(), "traffic", None) is traffic:
            huggingface_hub.set_client_factory(
                lambda: kind(event_hooks=hooks, follow_redirects=True, timeout=None)
            )


def _client(kind: Any, hooks: Mapping[str, list[Any]], *, traffic: Traffic) -> Any:
    """Return a client as the library makes it (of httpx, or what took its place), and watched."""
    http = sys.modules[kind.__module__.partition(".")[0]]

    class Body(http.SyncByteStream):  # type: ignore[misc, name-defined]
        """A body whose bytes are counted as they come."""

        def __init__(self, response: Any) -> None:
            self._body = response.stream
            self._is_aside = response.status_code >= 300

        def __iter__(self) -> Iterator[bytes]:
            for chunk in self._body:
                traffic.saw_bytes(len(chunk), is_aside=self._is_aside)
                yield chunk

        def close(self) -> None:
            self._body.close()
            traffic.end()

    class Client(kind):  # type: ignore[misc]
        """A client that tells what it asks and what it gets."""

        def send(self, request: Any, **options: Any) -> Any:
            try:
                return super().send(request, **options)
            except BaseException:
                traffic.end()
                traffic.refuse_if_stopped()  # else the library closes its client, another's by now
                raise

    def answered(response: Any) -> None:
        traffic.saw_head(response)
        response.stream = Body(response)

    ours = {
        "request": [*hooks["request"], traffic.begin],
        "response": [answered, *hooks["response"]],
    }
    client = Client(event_hooks=ours, follow_redirects=True, timeout=None)
    client.traffic, client.watched = traffic, (kind, hooks)
    return client
