"""h11's connection with bounds on the head and the body of a request."""

import h11

from lumina_cli.server.config import KIB
from lumina_cli.server.http.limits import HttpLimits
from lumina_cli.server.http.refusal import Refusal
from lumina_cli.server.http.request_head import (
    TOO_LARGE_BODY,
    TOO_LARGE_HEAD,
    bad_request,
    head_refusal,
    request_refusal,
)

_HEAD_TOO_LARGE = 431
_CHUNK_OVERHEAD_BYTES = 64 * KIB
_MAX_AHEAD_BYTES = 64 * KIB
"""Of requests that come before the last one is answered."""


class RefusedError(h11.RemoteProtocolError):
    """A request that is refused, with what its sender is told."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message, error_status_hint=refusal.status)
        self.refusal = refusal


class BoundedConnection(h11.Connection):
    """What was read of a request so far; it raises where a bound is passed."""

    def __init__(self, limits: HttpLimits) -> None:
        super().__init__(h11.SERVER, max_incomplete_event_size=limits.max_header_bytes)
        self.refusal: Refusal | None = None
        self.num_requests = 0
        self.has_partial_head = False
        self.is_head_request = False
        self.is_ahead = False
        self._limits = limits
        self._body_bytes = self._received_bytes = self._num_chunks = 0

    def receive_data(self, data: bytes) -> None:
        """Take what came; in a body count it, with the chunks' own lines."""
        if self.their_state is h11.SEND_BODY:
            self._received_bytes += len(data)
        super().receive_data(data)

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """Return what was read next.

        Raises:
            h11.RemoteProtocolError: the request is refused; `refusal` says why.
        """
        try:
            return self._next_event()
        except RefusedError as error:
            self.refusal = error.refusal
            raise
        except h11.RemoteProtocolError as error:
            too_large = error.error_status_hint == _HEAD_TOO_LARGE
            self.refusal = TOO_LARGE_HEAD if too_large else bad_request("This is no valid HTTP.")
            raise

    def _next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        if self.their_state is h11.IDLE:
            received, _ = self.trailing_data
            self.has_partial_head = bool(received)
            self.is_head_request = False
            _raise_if(head_refusal(received, limits=self._limits))
        event = super().next_event()
        self.is_ahead = event is h11.PAUSED
        if self.is_ahead and len(self.trailing_data[0]) > _MAX_AHEAD_BYTES:
            raise RefusedError(bad_request("Too many requests were sent before an answer."))
        if isinstance(event, h11.Request):
            self._begin(event)
        elif isinstance(event, h11.Data):
            self._body_bytes += len(event.data)
            self._num_chunks += event.chunk_start
        self._check_body()
        return event

    def _begin(self, request: h11.Request) -> None:
        self.num_requests += 1
        self.has_partial_head = False
        self.is_head_request = request.method == b"HEAD"
        self._body_bytes = self._received_bytes = self._num_chunks = 0
        _raise_if(request_refusal(request.method, request.target, request.http_version))
        lengths = [int(value) for name, value in request.headers if name == b"content-length"]
        if any(length > self._limits.max_body_bytes for length in lengths):
            raise RefusedError(TOO_LARGE_BODY)

    def _check_body(self) -> None:
        limits = self._limits
        received_bound = 2 * limits.max_body_bytes + _CHUNK_OVERHEAD_BYTES
        if (
            self._body_bytes > limits.max_body_bytes
            or self._received_bytes > received_bound
            or self._num_chunks > limits.max_chunks
        ):
            raise RefusedError(TOO_LARGE_BODY)


def _raise_if(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise RefusedError(refusal)
