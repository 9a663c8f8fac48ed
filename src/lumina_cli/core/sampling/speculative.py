"""Saying several characters with one pass of the model, without changing any of them.

A draft guesses the next ids, and the model reads them all in one pass, which takes hardly
longer than reading one. Then each is chosen as ever, from the model's own logits and with
the same random numbers. As long as what is chosen is what was guessed, the next logits are
there already; at the first other choice the rest is forgotten. So the text is the same as
without guesses, and a wrong guess costs only time.

For a draft that names one id with certainty this accepts a guess with the model's
probability for it, as the rejection rule of Leviathan et al. 2023, "Fast Inference from
Transformers via Speculative Decoding" does, of which it is a special case; drawing with the
random numbers that would be used anyway makes not only the distribution but every text the
same.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lumina_cli.core.checkpoint.format import DraftTable
from lumina_cli.core.sampling.draft import Draft

_NEWEST = 0.1
"""Least weight of the newest pass in an average."""

_TRIAL = 8
"""Passes with guesses before their worth is judged: fewer say little."""

_TELLING = 3
"""Of them, after which guesses that are far from paying are given up."""

_FAR = 0.9
"""Share of the speed without guesses that is far from paying."""

_ALONE = 3
"""Passes without guesses before the first with."""

_IN_A_ROW = 64
"""Passes with guesses after which one without is timed again."""

_TIMED = 7
"""Newest passes of a kind that tell how long such a pass takes."""

_FIRST_PAUSE = 64
_LONGEST_PAUSE = 1_024
_MARGIN = 1.03
"""Guessing must promise this much more speed, or it isn't worth it."""


@dataclass(slots=True)
class Acceptance:
    """How well guesses did.

    Attributes:
        num_passes: passes of the model.
        num_chosen: ids that were chosen.
        num_guessed: guesses that were read, those behind the first wrong one as well.
        num_accepted: of those, the ones chosen.
    """

    num_passes: int = 0
    num_chosen: int = 0
    num_guessed: int = 0
    num_accepted: int = 0

    @property
    def rate(self) -> float | None:
        """Share of the guesses that were chosen; None where nothing was guessed."""
        return self.num_accepted / self.num_guessed if self.num_guessed else None

    @property
    def ids_per_pass(self) -> float | None:
        return self.num_chosen / self.num_passes if self.num_passes else None


class Pace:
    """Decides before each pass whether guessing pays, by measuring both ways.

    It begins with a few passes of each kind. Where guessing doesn't pay it pauses, tries
    again after a while, and after longer each time. Where it pays, a pass without is timed
    now and then, for the machine may have been busy before. What it decides changes the
    speed and nothing else.

    Args:
        clock: seconds from anywhere.
    """

    def __init__(self, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self.acceptance = Acceptance()
        self._clock = clock
        self._started_s = 0.0
        self._seconds = {False: _Typical(), True: _Typical()}
        self._ids_per_guess = _Average()
        self._trial = _TRIAL
        self._pause = _FIRST_PAUSE
        self._left = 0
        self._in_a_row = 0

    def is_guessing(self) -> bool:
        """Return whether the next pass should check guesses."""
        if self._seconds[False].count < _ALONE:
            return False
        if self._trial and not self._is_hopeless():
            self._trial -= 1
            return True
        self._trial = 0
        if self._left:
            self._left -= 1
            self._trial = 0 if self._left else _TRIAL
            return False
        if self._in_a_row >= _IN_A_ROW:
            return False
        if self._pays():
            self._pause = _FIRST_PAUSE
            return True
        self._left, self._pause = self._pause, min(2 * self._pause, _LONGEST_PAUSE)
        return False

    def start(self) -> None:
        """Begin to time a pass and the choices after it."""
        self._started_s = self._clock()

    def stop(self, *, num_chosen: int, num_guessed: int) -> None:
        """Count a pass: how many ids were chosen from it, of how many guessed."""
        is_guessing = num_guessed > 0
        self._in_a_row = self._in_a_row + 1 if is_guessing else 0
        self._seconds[is_guessing].add(self._clock() - self._started_s)
        if is_guessing:
            self._ids_per_guess.add(num_chosen)
        counts = self.acceptance
        counts.num_passes += 1
        counts.num_chosen += num_chosen
        counts.num_guessed += num_guessed
        counts.num_accepted += num_chosen - 1

    def _is_hopeless(self) -> bool:
        """Whether what was seen of the trial in hand is enough to end it."""
        return self._trial <= _TRIAL - _TELLING and not self._pays(margin=_FAR)

    def _pays(self, *, margin: float = _MARGIN) -> bool:
        if not self._seconds[True].count:
            return False  # there was nothing to guess from
        alone_s, together_s = self._seconds[False].value, self._seconds[True].value
        return self._ids_per_guess.value * alone_s > margin * together_s


class Guesser:
    """Guesses that go along with a session: what they come from, and whether they pay.

    Args:
        table: statistics of the training text, if the model file has them.
        pace: decides when to guess.
    """

    def __init__(self, table: DraftTable | None = None, *, pace: Pace | None = None) -> None:
        self.pace = pace or Pace()
        self._draft = Draft(table)

    @property
    def acceptance(self) -> Acceptance:
        """How well guesses did since the beginning."""
        return self.pace.acceptance

    def begin(self, ids: Sequence[int]) -> None:
        """Take up the prompt of a new text and its first id."""
        self._draft.forget_place()
        self._draft.learn(ids)

    def start(self) -> None:
        """Begin to time a pass and the choices after it."""
        self.pace.start()

    def guesses(self, num_ids: int) -> list[int]:
        """Return ids to check with the next pass, none where that doesn't pay."""
        return self._draft.guess(num_ids=num_ids) if self.pace.is_guessing() else []

    def stop(self, chosen: Sequence[int], *, num_guessed: int) -> None:
        """Count a pass and take up what was chosen."""
        self.pace.stop(num_chosen=len(chosen), num_guessed=num_guessed)
        self._draft.learn(chosen)


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

    def add(self, seconds: float) -> None:
        self._newest.append(seconds)


class _Average:
    """An average that forgets slowly."""

    def __init__(self) -> None:
        self.value = 0.0
        self._count = 0

    def add(self, value: float) -> None:
        self._count += 1
        self.value += max(1 / self._count, _NEWEST) * (value - self.value)
