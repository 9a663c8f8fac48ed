"""The room code of a class: short enough to be written on a board, and not to be guessed.

A wrong code can be tried a few times a minute from each address, so that the six characters that a
code has at least are enough for a lesson.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping

from lumina_cli.errors import UsageError
from lumina_cli.server.config import ServeConfig
from lumina_cli.server.security.api_key import VARIABLE, ApiKey

MAX_WRONG, WITHIN_S = 20, 60.0
MAX_ADDRESSES = 1_000


class RoomCode(ApiKey):
    """A code that is compared without regard to capitals; it counts wrong ones by address.

    Args:
        text: the code.
        clock: seconds from anywhere.
    """

    def __init__(self, text: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(text.lower())
        self._clock = clock
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    def matches(self, given: bytes) -> bool:
        """Tell whether this is the code."""
        return super().matches(given.lower())

    def may_try(self, address: str) -> bool:
        """Tell whether an address has not tried too many wrong codes of late."""
        wrong = self._wrong.get(address) or deque()
        return len(wrong) < MAX_WRONG or self._clock() - wrong[0] >= WITHIN_S

    def note_wrong(self, address: str) -> None:
        """Count a wrong code."""
        self._wrong.setdefault(address, deque(maxlen=MAX_WRONG)).append(self._clock())
        self._wrong.move_to_end(address)
        if len(self._wrong) > MAX_ADDRESSES:
            self._wrong.popitem(last=False)


def read_room_code(config: ServeConfig, environ: Mapping[str, str]) -> RoomCode | None:
    """Return the room code of the settings, None without one.

    Raises:
        UsageError: there is a key beside it, or everybody is let in.
    """
    if config.class_code is None:
        return None
    if config.api_key_file is not None or VARIABLE in environ or config.no_auth:
        raise UsageError(
            "a class has its room code, and no key beside it",
            hint=f"Leave out --api-key-file, {VARIABLE} and --no-auth, or --class",
        )
    return RoomCode(config.class_code)
