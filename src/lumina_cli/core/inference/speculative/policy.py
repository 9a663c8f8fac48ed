"""When draft tokens pay: passes of both kinds are timed, and the ids they choose are counted."""

import time
from collections import deque
from collections.abc import Callable

NUM_DRAFT_TOKENS = 7
"""Draft tokens in a pass, behind the newest id: a pass over eight takes hardly longer than over
one, for the weights have to be fetched either way."""

NUM_TIMED = 3
"""Passes of a kind that tell how long one takes: the fastest of the newest, for a busy machine or a
context that moves on only ever makes a pass slower."""

NEWEST = 0.1
"""Least weight of the newest pass in the mean."""

TIMED_AGAIN_AFTER = 8
"""Passes with draft tokens after which one without is timed again; then each time twice as many."""

FIRST_PAUSE, LONGEST_PAUSE = 16, 64
"""Passes without draft tokens until they are tried again; each time twice as many."""


class SpeculationPolicy:
    """Decides before each pass whether to verify draft tokens, by trying.

    They pay while the running mean of the ids that such a pass chooses is above the time it takes,
    in passes without. Where they don't, they are tried again after a pause. What is decided changes
    the speed and nothing else.

    Args:
        clock: seconds from anywhere.
    """

    def __init__(self, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._started_s = 0.0
        self._alone_s: deque[float] = deque(maxlen=NUM_TIMED)
        self._together_s: deque[float] = deque(maxlen=NUM_TIMED)
        self._num_alone = NUM_TIMED  # passes without draft tokens that come next
        self._pause = FIRST_PAUSE
        self._begin_trial()

    def is_speculating(self) -> bool:
        """Return whether the next pass should verify draft tokens."""
        return self._num_alone == 0

    def begin(self) -> None:
        """Try a new text soon, however the last one was."""
        self._num_alone = min(self._num_alone, NUM_TIMED)

    def start(self) -> None:
        """Begin to time a pass and the choices after it."""
        self._started_s = self._clock()

    def stop(self, *, num_chosen: int, num_draft_tokens: int) -> None:
        """End a pass, and decide on the next."""
        seconds = self._clock() - self._started_s
        if not num_draft_tokens:
            self._alone_s.append(seconds)
            self._num_alone = max(self._num_alone - 1, 0)
            return
        self._together_s.append(seconds)
        self._in_a_row += 1
        newest = max(1 / self._in_a_row, NEWEST)
        self._ids_per_pass += newest * (num_chosen - self._ids_per_pass)
        if self._in_a_row < NUM_TIMED:
            return
        if self._ids_per_pass * min(self._alone_s) <= min(self._together_s):
            self._num_alone = self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
            self._begin_trial()
            return
        self._pause = FIRST_PAUSE
        if self._in_a_row == self._timed_again_after:
            self._timed_again_after *= 2
            self._num_alone = 1

    def _begin_trial(self) -> None:
        self._in_a_row = 0
        self._timed_again_after = TIMED_AGAIN_AFTER
        self._ids_per_pass = 0.0
