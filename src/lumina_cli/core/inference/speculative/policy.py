"""When draft tokens pay: passes of both kinds are timed, and what was guessed right is counted."""

import random
import time
from collections import deque
from collections.abc import Callable, Iterable

NUM_DRAFT_TOKENS = 7
"""Draft tokens in a pass, behind the newest id: a pass over eight takes hardly longer than over
one, for the weights have to be fetched either way."""

_NEWEST = 0.1
"""Least weight of the newest pass in an average."""

_HOPE = 3.0
"""What the average begins with, counted as one pass: so they are tried soon, for a short reply
is soon over."""

NUM_ALONE = 3
"""Passes without draft tokens before the first with; and so many are timed before each look."""

_HOPELESS = 1.25
"""Ids a pass with draft tokens would choose, below which the draft looks seldom at what is said. To
look after each pass, which has driven it out of the cache, takes a small model 2 to 3 % of its
time."""

_SELDOM = (16, 40)
"""Least and most passes after which it looks then, sooner at first. Chance decides, so that what
comes back at a fixed distance, as in a table, is not missed each time."""

_TELLING = 3
"""Passes with draft tokens that tell how long one takes; before, it is supposed."""

_SUPPOSED = 1.5
"""Time of a pass with draft tokens, in passes without, as long as none was timed; less once less
was measured. A text that promises less is not tried before."""

_IN_A_ROW = 64
"""Passes with draft tokens after which one without is timed again."""

_SOON = 8
"""The same as long as few were timed: the first ones may have been slow."""

_TIMED = 7
"""Newest passes of a kind, of those timed, that tell how long such a pass takes."""

_FIRST_PAUSE = 64
"""Passes without draft tokens after which the time of one with is forgotten: the machine may have
been busy. Each time twice as many."""

_LONGEST_PAUSE = 1_024

_MARGIN = 1.03
"""Guessing must promise this much more speed, or it isn't worth it."""


class SpeculationPolicy:
    """Decides before a pass whether guessing pays, by measuring both ways.

    How many ids a pass with draft tokens would choose is known without doing one: draft tokens are
    right as long as the proposer names what comes. So nothing is tried on a text that can't be
    foretold. Where it can, passes of both kinds are timed, and now and then anew, for the
    machine may have been busy. Where there is little to guess, even looking is done seldom, and
    few passes are timed. What is decided changes the speed and nothing else.

    Args:
        clock: seconds from anywhere.

    Attributes:
        due: passes without draft tokens after which to judge them.
    """

    def __init__(self, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self.due = NUM_ALONE
        self._clock = clock
        self._started_s = 0.0
        self._newest_s: list[float] = []
        self._chance = random.Random(0)  # it decides the speed, not the text
        self._seconds = {False: _Typical(), True: _Typical()}
        self._promise = _Promise()
        self._supposed = _SUPPOSED
        self._pause = _FIRST_PAUSE
        self._num_alone = 0
        self._in_a_row = 0

    def is_speculating(self) -> bool:
        """Return whether the next pass should verify draft tokens."""
        num_timed = self._seconds[False].count
        in_a_row = _IN_A_ROW if num_timed == _TIMED else _SOON
        if self._in_a_row >= in_a_row:
            return False
        if self._pays():
            if self._in_a_row >= _TELLING:
                self._pause = _FIRST_PAUSE
            return True
        if self._num_alone >= self._pause and self._seconds[True].count:
            self._forget()
        return False

    def begin(self) -> None:
        """Look at a new text soon, however the last one was."""
        self.due = min(self.due, NUM_ALONE)
        self._newest_s = []

    def start(self) -> None:
        """Begin to time a pass and the choices after it."""
        self._started_s = self._clock()

    def stop(self) -> None:
        """End a pass that is timed."""
        self._newest_s.append(self._clock() - self._started_s)

    def judge(self, was_right: Iterable[bool], *, num_alone: int) -> None:
        """Learn from the passes since the last time: a number without draft tokens, or one with.

        Args:
            was_right: of the newest ids chosen in them, whether the draft would have named each.
            num_alone: the passes, if they were without draft tokens, else 0.
        """
        is_speculating = not num_alone
        self._in_a_row = self._in_a_row + 1 if is_speculating else 0
        self._num_alone = 0 if is_speculating else self._num_alone + num_alone
        self._seconds[is_speculating].add(self._newest_s)
        self._newest_s = []
        self._promise.add(was_right)
        if is_speculating or self._promise.num_ids >= _HOPELESS or self._pays():
            self.due = 1
        else:
            self.due = min(2 * self.due, self._chance.randint(*_SELDOM))

    def _pays(self) -> bool:
        alone = self._seconds[False]
        if alone.count < NUM_ALONE:
            return False
        return self._promise.num_ids * alone.value > _MARGIN * self._together_s()

    def _together_s(self) -> float:
        """Return the time of a pass with draft tokens: measured, or supposed."""
        together = self._seconds[True]
        if together.count >= _TELLING:
            return together.value
        return self._supposed * self._seconds[False].value

    def _forget(self) -> None:
        """Suppose again what a pass with draft tokens takes, but no more than it took."""
        alone_s, together_s = self._seconds[False].value, self._together_s()
        if together_s < self._supposed * alone_s:
            self._supposed = together_s / alone_s
        self._seconds[True] = _Typical()
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)


class _Typical:
    """The middle one of the newest times: one pass that was held up says nothing.

    A context that moves on, a choice made again and a busy machine all hold up a pass.
    """

    def __init__(self) -> None:
        self._newest: deque[float] = deque(maxlen=_TIMED)

    @property
    def count(self) -> int:
        return len(self._newest)

    @property
    def value(self) -> float:
        return sorted(self._newest)[len(self._newest) // 2]

    def add(self, seconds: Iterable[float]) -> None:
        self._newest += seconds


class _Promise:
    """How many ids a pass with draft tokens would choose.

    Attributes:
        num_ids: an average that forgets slowly.
    """

    def __init__(self) -> None:
        self.num_ids = _HOPE
        self._count = 1
        self._right = 0

    def add(self, was_right: Iterable[bool]) -> None:
        """Count ids; one that wasn't proposed ends a pass, and so does one behind all drafts."""
        for each in was_right:
            if each and self._right < NUM_DRAFT_TOKENS:
                self._right += 1
            else:
                self._count += 1
                newest = max(1 / self._count, _NEWEST)
                self.num_ids += newest * (self._right + 1 - self.num_ids)
                self._right = 0
