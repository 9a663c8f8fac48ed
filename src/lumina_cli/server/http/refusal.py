"""A request that is refused, in the form that OpenAI's clients read."""

import json
from dataclasses import dataclass

Headers = tuple[tuple[bytes, bytes], ...]

_SERVER_FAULTS = 500
_KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def error_kind(status: int) -> str:
    """Return the `type` of the error object of an answer."""
    usual = "server_error" if status >= _SERVER_FAULTS else "invalid_request_error"
    return _KINDS.get(status, usual)


@dataclass(frozen=True)
class Refusal:
    """Why a request is not answered, and what its sender can do about it."""

    status: int
    message: str
    code: str | None = None
    headers: Headers = ()

    def body(self) -> bytes:
        """Return the error object as JSON."""
        kind = error_kind(self.status)
        error = {"message": self.message, "type": kind, "param": None, "code": self.code}
        return json.dumps({"error": error}).encode()

    def all_headers(self, body: bytes) -> list[tuple[bytes, bytes]]:
        """Return the headers of an answer that holds this body."""
        return [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
            *self.headers,
        ]
