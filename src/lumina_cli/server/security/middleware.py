"""The layer before the application: Host, Origin and key of a request, headers of an answer.

Whatever is not named as public asks for the key: a route that is added later, and a path that leads
nowhere, too. So somebody without the key can't even tell which routes there are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lumina_cli.server.config import ServeConfig
from lumina_cli.server.http.refusal import Refusal
from lumina_cli.server.security.api_key import ApiKey
from lumina_cli.server.security.hosts import AllowedHosts, allowed_hosts
from lumina_cli.server.security.origins import (
    checked_origins,
    cors_headers,
    is_allowed,
    origin_refusal,
    preflight_headers,
)
from lumina_cli.server.security.room_code import RoomCode

_ONCE = ("host", "origin", "authorization", "sec-fetch-site")

_CHALLENGE = ((b"www-authenticate", b"Bearer"),)
NO_KEY = Refusal(
    401, "Send the API key as 'Authorization: Bearer KEY'.", "invalid_api_key", _CHALLENGE
)
WRONG_KEY = Refusal(401, "The API key is wrong.", "invalid_api_key", _CHALLENGE)
NO_CODE = Refusal(401, "Send the room code as a key.", "invalid_room_code", _CHALLENGE)
WRONG_CODE = Refusal(401, "The room code is wrong.", "invalid_room_code", _CHALLENGE)
TOO_MANY_TRIES = Refusal(
    429,
    "Too many wrong room codes came from this address. Try again in a minute.",
    "too_many_tries",
    ((b"retry-after", b"60"),),
)
WRONG_HOST = Refusal(
    421,
    "The server does not go by the name in Host; use its address, or start it with --host NAME.",
    "host_not_allowed",
)
TWICE = Refusal(400, "A header that may stand once stands twice.", "bad_request")

_SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
_UNLESS_SET = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


@dataclass(frozen=True)
class SecurityPolicy:
    """Who may use the server.

    Args:
        hosts: names that the server goes by.
        key: what requests must carry; None where nobody needs one.
        origins: other sites whose pages may use the API.
        public_paths: paths that need no key when they are only read.
    """

    hosts: AllowedHosts
    key: ApiKey | None = field(repr=False)
    origins: frozenset[str] = frozenset()
    public_paths: frozenset[str] = frozenset({"/health"})

    @classmethod
    def from_config(
        cls, config: ServeConfig, *, key: ApiKey | None, public_paths: frozenset[str]
    ) -> Self:
        """Return the policy that the settings ask for.

        Raises:
            UsageError: an origin in the settings is none.
        """
        origins = checked_origins(config.cors_origin)
        hosts = allowed_hosts(config.host, origins=origins)
        return cls(hosts=hosts, key=key, origins=origins, public_paths=public_paths)


class Security:
    """Refuses what the policy does not allow, and sets the headers that browsers obey."""

    def __init__(self, app: ASGIApp, *, policy: SecurityPolicy) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request, then pass it on."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = _first_of_each(scope)
        extra = self._extra_headers(headers)
        answer = _with_headers(send, extra)
        if (refusal := _refusal(scope, headers, policy=self._policy)) is not None:
            await _refuse(answer, refusal)
        elif _is_preflight(scope, headers):
            await _answer_preflight(answer, headers)
        else:
            await self._app(scope, receive, answer)

    def _extra_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return what every answer to this request carries."""
        origin = headers.get("origin", "")
        if self._policy.hosts.allow(headers.get("host", "")) and is_allowed(
            origin, allowed=self._policy.origins
        ):
            return {**_SECURITY_HEADERS, **cors_headers(origin)}
        return _SECURITY_HEADERS


def _refusal(scope: Scope, headers: Mapping[str, str], *, policy: SecurityPolicy) -> Refusal | None:
    """Return why a request is refused, if it is."""
    names = [name.decode("latin-1").lower() for name, _ in scope["headers"]]
    if any(names.count(name) > 1 for name in _ONCE):
        return TWICE
    if not policy.hosts.allow(headers.get("host", "")):
        return WRONG_HOST
    by_origin = origin_refusal(headers, method=scope["method"], allowed=policy.origins)
    if by_origin is not None or _is_preflight(scope, headers):
        return by_origin
    is_public = scope["path"] in policy.public_paths and scope["method"] in ("GET", "HEAD")
    if is_public or policy.key is None:
        return None
    scheme, _, given = headers.get("authorization", "").partition(" ")
    code = given.strip().encode("latin-1") if scheme.lower() == "bearer" else b""
    if isinstance(policy.key, RoomCode):
        return _code_refusal(code, key=policy.key, address=(scope.get("client") or ("",))[0])
    if not code:
        return NO_KEY
    return None if policy.key.matches(code) else WRONG_KEY


def _code_refusal(code: bytes, *, key: RoomCode, address: str) -> Refusal | None:
    if not code:
        return NO_CODE
    if not key.may_try(address):
        return TOO_MANY_TRIES
    if key.matches(code):
        return None
    key.note_wrong(address)
    return WRONG_CODE


def _first_of_each(scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return found


def _is_preflight(scope: Scope, headers: Mapping[str, str]) -> bool:
    """Tell whether a browser asks whether it may send a request; it asks without a key."""
    asks = "origin" in headers and "access-control-request-method" in headers
    return asks and scope["method"] == "OPTIONS"


def _with_headers(send: Send, extra: Mapping[str, str]) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": _merged(message.get("headers", ()), extra)}
        await send(message)

    return send_with_headers


def _merged(
    headers: list[tuple[bytes, bytes]], extra: Mapping[str, str]
) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer: the application may choose only how it is cached and
    what a page may load."""
    raw_extra = {name.encode(): value.encode("latin-1") for name, value in extra.items()}
    kept = [(name.lower(), value) for name, value in headers if name.lower() not in raw_extra]
    names = {name for name, _ in kept}
    unless_set = [
        (name.encode(), value.encode())
        for name, value in _UNLESS_SET.items()
        if name.encode() not in names
    ]
    return [*kept, *raw_extra.items(), *unless_set]


async def _refuse(send: Send, refusal: Refusal) -> None:
    body = refusal.body()
    headers = refusal.all_headers(body)
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _answer_preflight(send: Send, headers: Mapping[str, str]) -> None:
    raw = [(name.encode(), value.encode()) for name, value in preflight_headers(headers).items()]
    await send({"type": "http.response.start", "status": 204, "headers": raw})
    await send({"type": "http.response.body", "body": b""})
