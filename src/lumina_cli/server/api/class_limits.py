"""What each of a class may ask for: so little at once that everybody has a turn."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable

from starlette.requests import Request

from lumina_cli.server.api.errors import ApiError

MAX_TEXTS = 2
"""Of one client at once, waiting ones among them."""

MAX_REQUESTS, WITHIN_S = 30, 60.0
MAX_CLIENTS = 1_000
MAX_IDS = 1_000
"""Of one text."""


class ClassLimits:
    """Counts what each client asks for.

    Args:
        clock: seconds from anywhere.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asked: OrderedDict[str, deque[float]] = OrderedDict()

    def admit(self, client: str, *, num_texts: int, num_going_on: int) -> None:
        """Count a request.

        Raises:
            ApiError: the client has asked for too much.
        """
        refuse_many(num_texts, num_going_on=num_going_on)
        asked = self._asked.setdefault(client, deque(maxlen=MAX_REQUESTS))
        self._asked.move_to_end(client)
        now_s = self._clock()
        if len(asked) == MAX_REQUESTS and now_s - asked[0] < WITHIN_S:
            after_s = int(WITHIN_S - (now_s - asked[0])) + 1
            raise _too_much(f"{MAX_REQUESTS} texts a minute are enough.", after_s=after_s)
        asked.append(now_s)
        if len(self._asked) > MAX_CLIENTS:
            self._asked.popitem(last=False)


def client_of(request: Request) -> str:
    """Return who asks: the one at a seat of the class, else whoever is at the address."""
    seat: str = getattr(request.state, "seat", "")
    return seat or (request.client.host if request.client else "")


def refuse_many(num_texts: int, *, num_going_on: int) -> None:
    """Raise ApiError where that is more at once than each of a class may ask for."""
    if num_texts + num_going_on > MAX_TEXTS:
        raise _too_much(f"Wait for your last text: {MAX_TEXTS} at a time.", after_s=2)


def _too_much(message: str, *, after_s: int) -> ApiError:
    return ApiError(message, status=429, code="class_limit", headers={"Retry-After": str(after_s)})
