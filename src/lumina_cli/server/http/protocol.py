"""uvicorn's HTTP/1.1 protocol with deadlines, which it has not by itself.

A connection is always in one phase, and each phase ends in time:

    IDLE       no byte of a request is there       closed after `idle_timeout_s`
    HEAD       a part of a head is there           408 after `header_timeout_s`
    BODY       the head is there, the body not     408 after `body_timeout_s`
    ANSWER     the application works               its own bound; a client that does not read is
                                                   cut off after `write_timeout_s`
    LINGER     a refusal is written                what still comes is thrown away for `linger_s`
    CLOSING    what is written is being sent       cut off after `write_timeout_s`

Where too many connections are open, the one that has waited longest makes room for a new one.
"""

import asyncio
import http
import socket
from enum import Enum, auto
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from lumina_cli.server.http.connection import BoundedConnection
from lumina_cli.server.http.limits import HttpLimits
from lumina_cli.server.http.refusal import Refusal
from lumina_cli.server.http.request_head import bad_request

TOO_SLOW = Refusal(408, "The request took too long to arrive.", "request_timeout")
TOO_MANY = Refusal(
    503, "Too many connections are open.", "too_many_connections", ((b"retry-after", b"1"),)
)

_MAX_DISCARDED_BYTES = 16 << 20


class Phase(Enum):
    """What a connection waits for."""

    IDLE = auto()
    HEAD = auto()
    BODY = auto()
    ANSWER = auto()
    LINGER = auto()
    CLOSING = auto()


class BoundedProtocol(H11Protocol):
    """A connection that can hold neither memory nor a place for ever."""

    limits = HttpLimits()

    conn: BoundedConnection

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn = BoundedConnection(self.limits)
        self.waiting_since = self.loop.time()
        self.phase: Phase | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._watched: tuple[Phase, int] | None = None
        self._is_refused = False
        self._discarded_bytes = 0
        # The deadline of this class comes first.
        self.timeout_keep_alive = int(2 * self.limits.idle_timeout_s) + 1

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; the longest waiting connection makes room where there are too many."""
        if len(self.connections) >= self.limits.max_connections:
            self._make_room()
        super().connection_made(transport)
        self._set_up_socket()
        if len(self.connections) > self.limits.max_connections:
            self.refuse(TOO_MANY)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """End, with every deadline."""
        super().connection_lost(exc)
        for handle in (self._deadline, self._stalled):
            if handle is not None:
                handle.cancel()

    def data_received(self, data: bytes) -> None:
        """Read what came."""
        if not self._is_refused:
            super().data_received(data)
            if self.conn.is_ahead:
                # uvicorn reads no further then, and would not see that the client goes away.
                self.flow.resume_reading()
            self._watch()
            return
        self._discarded_bytes += len(data)
        if self._discarded_bytes > _MAX_DISCARDED_BYTES:
            self.transport.abort()

    def on_response_complete(self) -> None:
        """Wait for the next request, or close."""
        super().on_response_complete()
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no valid request (uvicorn calls this for every fault that h11 finds)."""
        self.refuse(self.conn.refusal or bad_request(msg))

    def refuse(self, refusal: Refusal) -> None:
        """Answer with an error where no answer has begun, and close the connection."""
        if self._is_refused:
            return
        self._is_refused = True
        self._disconnect_app()
        can_answer = self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE)
        if can_answer:
            self._write(refusal)
        if can_answer and self._end_writing():
            self.flow.resume_reading()
        else:
            self.transport.close()
        self._watch()

    def _end_writing(self) -> bool:
        """Say that nothing more comes; return whether the client can still be heard."""
        if not self.transport.can_write_eof():
            return False
        try:
            self.transport.write_eof()
        except OSError:  # the client has gone, and the event loop does not know yet
            return False
        return True

    def shutdown(self) -> None:
        """Close, or let the running answer end first."""
        super().shutdown()
        self._watch()

    def pause_writing(self) -> None:
        """Make the application wait, but not for ever, for a client that reads slowly."""
        super().pause_writing()
        if self._stalled is None:
            delay = self.limits.write_timeout_s
            self._stalled = self.loop.call_later(delay, self.transport.abort)

    def resume_writing(self) -> None:
        """Let the application write on."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _set_up_socket(self) -> None:
        """Bound what the kernel holds, and let it send each piece of a stream at once."""
        if (sock := self.transport.get_extra_info("socket")) is None:
            return
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.limits.send_buffer_bytes)
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            # asyncio does it only where the listening socket was made with the number of TCP;
            # without it a piece waits up to 40 ms for the client to confirm the one before.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _write(self, refusal: Refusal) -> None:
        body = refusal.body()
        headers = [*refusal.all_headers(body), (b"connection", b"close")]
        reason = http.HTTPStatus(refusal.status).phrase.encode()
        response = h11.Response(status_code=refusal.status, headers=headers, reason=reason)
        data = h11.Data(data=b"" if self.conn.is_head_request else body)
        for event in (response, data, h11.EndOfMessage()):
            self.transport.write(self.conn.send(event))

    def _disconnect_app(self) -> None:
        """Tell a running application what it is told when a client goes away."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self.flow.resume_writing()

    def _make_room(self) -> None:
        """Close the connection that has waited longest for its client, if any waits."""
        waiting = [
            other
            for other in self.connections
            if isinstance(other, BoundedProtocol) and other.phase is not Phase.ANSWER
        ]
        if waiting:
            longest = min(waiting, key=lambda other: other.waiting_since)
            self.connections.discard(longest)  # it is told that it is lost only in the next pass
            longest.transport.abort()

    def _current_phase(self) -> Phase:
        if self.transport.is_closing():
            return Phase.CLOSING
        if self._is_refused:
            return Phase.LINGER
        if self.conn.their_state is h11.SEND_BODY:
            return Phase.BODY
        if self.conn.their_state is h11.IDLE:
            return Phase.HEAD if self.conn.has_partial_head else Phase.IDLE
        return Phase.ANSWER

    def _watch(self) -> None:
        """Set the deadline anew where the phase has changed, or is that of another request."""
        self.phase = self._current_phase()
        if self._watched == (self.phase, self.conn.num_requests):
            return
        self._watched = (self.phase, self.conn.num_requests)
        self.waiting_since = self.loop.time()
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if (seconds := self._seconds(self.phase)) is not None:
            self._deadline = self.loop.call_later(seconds, self._on_deadline)

    def _seconds(self, phase: Phase) -> float | None:
        limits = self.limits
        return {
            Phase.IDLE: limits.idle_timeout_s,
            Phase.HEAD: limits.header_timeout_s,
            Phase.BODY: limits.body_timeout_s,
            Phase.LINGER: limits.linger_s,
            Phase.CLOSING: limits.write_timeout_s,
        }.get(phase)

    def _on_deadline(self) -> None:
        phase = self._current_phase()
        if phase in (Phase.HEAD, Phase.BODY):
            self.refuse(TOO_SLOW)
        elif phase is Phase.IDLE:
            self.transport.close()
            self._watch()
        elif phase is not Phase.ANSWER:
            self.transport.abort()


def bounded_protocol(limits: HttpLimits) -> type[BoundedProtocol]:
    """Return the protocol class with these limits (uvicorn makes an object for each connection)."""
    return type("BoundedProtocol", (BoundedProtocol,), {"limits": limits})
