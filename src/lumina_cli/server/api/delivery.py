"""An answer on its way to the client: as a stream or whole, within its time, as long as wanted."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from lumina_cli.chat.context import MOVED_ON
from lumina_cli.errors import LuminaError
from lumina_cli.server.api.answers import Answer, as_event
from lumina_cli.server.api.errors import ApiError
from lumina_cli.server.api.protocol import to_json
from lumina_cli.server.generation.texts import Generation

CUT_BY_TIME = "The text was cut after {:g} s, the longest a request may take."
CUT_BY_STOP = "The text was cut because the server was stopped."
RETRY_AFTER_S = 5


class Delivery:
    """The response that a generation becomes.

    A client that goes away, the time that runs out and the server's end stop the generation.

    Args:
        generation: the texts as they come.
        answer: makes JSON of them.
        is_stream: whether the client reads them as they come.
        timeout_s: the longest the whole may take.
        moved_on: tells that a text was longer than the context.
        on_first: called with the first token.
        on_end: called when nothing more comes.
    """

    def __init__(
        self,
        generation: Generation,
        answer: Answer,
        *,
        is_stream: bool,
        timeout_s: float,
        moved_on: str = MOVED_ON,
        on_first: Callable[[], None] = lambda: None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._generation = generation
        self._answer = answer
        self._is_stream = is_stream
        self._timeout_s = timeout_s
        self._moved_on = moved_on
        self._on_first = on_first
        self._on_end = on_end
        self._error: LuminaError | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        generation = self._generation
        gone = asyncio.create_task(_watch(receive, generation))
        timer = asyncio.get_running_loop().call_later(
            self._timeout_s, generation.interrupt, "timeout"
        )
        try:
            await (self._stream(send) if self._is_stream else self._send_whole(scope, send))
        finally:
            generation.cancel()
            gone.cancel()
            timer.cancel()
            self._on_end()

    async def _stream(self, send: Send) -> None:
        await send(_STREAM_START)
        await send(_part(self._answer.begin()))
        try:
            async for part in self._parts():
                await send(_part(part))
            await send(_part(self._last_events(), is_last=True))
        except asyncio.CancelledError:
            rest = self._answer.cut(CUT_BY_STOP) + self._answer.end()
            await send(_part(rest, is_last=True))
            raise

    def _last_events(self) -> bytes:
        if self._generation.interruption == "gone":
            return b""
        if (error := self._failure()) is not None:
            return as_event(error.content())
        return self._last_parts() + self._answer.end()

    async def _send_whole(self, scope: Scope, send: Send) -> None:
        try:
            async for _ in self._parts():
                pass
        except asyncio.CancelledError:
            if self._answer.num_ids:
                self._answer.cut(CUT_BY_STOP)
                await _respond(self._answer.whole(), scope, send)
            raise
        if self._generation.interruption == "gone":
            return
        if (error := self._failure()) is not None:
            raise error
        self._last_parts()
        await _respond(self._answer.whole(), scope, send)

    async def _parts(self) -> AsyncIterator[bytes]:
        """Yield events as the texts go on, until they end or it is in vain."""
        is_first = True
        while not self._generation.is_over and self._generation.interruption is None:
            events = await self._generation.next_events()
            self._error = next((event.error for event in events if event.error), None)
            if self._error is not None:
                return
            if is_first and any(event.place is None for event in events):
                self._on_first()
                is_first = False
            if part := b"".join([self._answer.take(event) for event in events]):
                yield part

    def _failure(self) -> ApiError | None:
        """Return why there is no answer, if so."""
        if self._error is not None:
            message = f"{self._error.message}. {self._error.hint}".strip()
            return ApiError(message, status=500, code="model_failed")
        if self._generation.interruption == "timeout" and not self._answer.num_ids:
            return ApiError(
                f"No place was free within {self._timeout_s:g} s. Try again later.",
                status=503,
                code="timeout",
                headers={"Retry-After": str(RETRY_AFTER_S)},
            )
        return None

    def _last_parts(self) -> bytes:
        """Tell what there is to tell; return the events of texts that end because time is over."""
        if self._answer.outgrows():
            self._answer.notices.append(self._moved_on)
        if self._generation.interruption == "timeout":
            return self._answer.cut(CUT_BY_TIME.format(self._timeout_s))
        return b""


_STREAM_START: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),  # nginx would hold the text back
    ],
}


def _part(body: bytes, *, is_last: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": not is_last}


async def _respond(content: dict[str, Any], scope: Scope, send: Send) -> None:
    await Response(to_json(content), media_type="application/json")(scope, _nothing, send)


async def _nothing() -> Message:
    raise AssertionError("a response reads nothing")


async def _watch(receive: Receive, generation: Generation) -> None:
    """Wait until the client goes away."""
    while (await receive())["type"] != "http.disconnect":
        pass
    generation.interrupt("gone")
