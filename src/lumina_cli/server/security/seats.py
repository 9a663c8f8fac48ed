"""The seats of a class: who asks, by a token that the server gave and nobody can make up.

A page asks for a seat, and its browser keeps the token as a cookie. There are as many seats as a
class needs, so whoever asks for one after another soon gets no more. Who has none (a program, a
browser without cookies, one too many) goes by the address, with all others who come from there.
"""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_SEATS = 40
"""At once: a large class."""

IDLE_S = 600.0
"""A seat is free again when nobody has used it for so long."""

COOKIE = "lumina_seat"
WISH = "x-lumina-seat"
"""The header by which a page asks for a seat."""


class Seats:
    """Who sits where, by token.

    Args:
        clock: seconds from anywhere.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._used_s: OrderedDict[str, float] = OrderedDict()

    def use(self, token: str) -> bool:
        """Tell whether a token is that of a seat, which stays taken from now on."""
        if token not in self._used_s:
            return False
        self._used_s[token] = self._clock()
        self._used_s.move_to_end(token)
        return True

    def take(self) -> str | None:
        """Return the token of a free seat, None where there is none."""
        now_s = self._clock()
        if len(self._used_s) >= MAX_SEATS:
            token, used_s = next(iter(self._used_s.items()))
            if now_s - used_s < IDLE_S:
                return None
            del self._used_s[token]
        token = secrets.token_urlsafe(16)
        self._used_s[token] = now_s
        return token


class Seated:
    """Notes the seat of each request in its state, and gives one to a page that asks for it.

    Args:
        app: behind the check of the room code.
        seats: those of the class.
    """

    def __init__(self, app: ASGIApp, *, seats: Seats) -> None:
        self._app = app
        self._seats = seats

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with its seat."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        token = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        is_seated = self._seats.use(token)
        given = self._seats.take() if WISH in headers and not is_seated else None
        if is_seated or given:
            scope.setdefault("state", {})["seat"] = given or token
        await self._app(scope, receive, _giving(send, given) if given else send)


def _giving(send: Send, token: str) -> Send:
    cookie = f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict"

    async def send_with_cookie(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), (b"set-cookie", cookie.encode())]
            message = {**message, "headers": headers}
        await send(message)

    return send_with_cookie
