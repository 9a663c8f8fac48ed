"""What happened in a run, in memory that stays the same however long the run is.

A figure of each step becomes the least, the most and the mean over some steps; of samples, and of
what went wrong, the first and the last are kept.
"""

import contextlib
import json
import math
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard, get_args

from lumina_cli.core.training.events import with_new_fields
from lumina_cli.io.folders.run_folder import Thinning
from lumina_cli.io.regular_file import open_regular
from lumina_cli.recipes.run.events import STARTS, SUCCESSFUL_SAVES, RunEvent

MAX_BUCKETS = 600
"""More points than pixels only make the page larger."""

MAX_SPEED_BUCKETS = 100
"""The time of a single step tells little."""

MAX_FIGURE = 1e100
"""Beyond, sums over a run could be infinite; no figure of a run comes near it."""

MAX_PROMPTS = 3
"""Each with samples of its own."""

MAX_STEP, MAX_DIGITS = 1 << 53, 20

LONGEST_LINE = 100_000
MAX_FIELDS, MAX_FIELD_CHARS = 20, 500
"""Of an event that is shown in words."""

REWINDS = STARTS | {"RolledBack"}
"""Events that tell from which step the run goes on."""

QUIET = {"StepDone", "EpochDone", "Evaluated", "Sampled"} | SUCCESSFUL_SAVES
"""Events that curves and samples show; the others are what happened."""

KNOWN = STARTS | {kind.__name__ for kind in get_args(RunEvent)}

CURVES = {
    "StepDone": ("loss", "learning_rate", "memory_bytes"),
    "Evaluated": ("nats_per_char", "base_loss"),
}
"""The figures of each event that are drawn."""

_STEP_DONE = b'{"event": "StepDone", "step": '
"""How a line begins that need not be read where others stand for it."""

PLAIN = (int, float, bool, type(None))

Event = dict[str, Any]


@dataclass(slots=True)
class Bucket:
    """What a figure was from a step to another: `low` to `high`, the weighted mean in `mean`."""

    first_step: int
    last_step: int
    low: float
    high: float
    total: float
    weight: float

    @property
    def mean(self) -> float:
        return min(max(self.total / self.weight, self.low), self.high)

    def add(self, step: int, value: float, *, weight: float) -> None:
        """Count what the figure was at a step: a few comparisons, for it is done at each."""
        if step > self.last_step:
            self.last_step = step
        elif step < self.first_step:
            self.first_step = step
        if value > self.high:
            self.high = value
        elif value < self.low:
            self.low = value
        self.total += value * weight
        self.weight += weight

    def merge(self, other: "Bucket") -> None:
        """Take over what another bucket holds."""
        self.first_step = min(self.first_step, other.first_step)
        self.last_step = max(self.last_step, other.last_step)
        self.low = min(self.low, other.low)
        self.high = max(self.high, other.high)
        self.total += other.total
        self.weight += other.weight


class Buckets:
    """A figure over all steps, in buckets of `width` steps, which doubles where they are too many.

    Args:
        most: buckets.
    """

    def __init__(self, *, most: int = MAX_BUCKETS) -> None:
        self.width = 1
        self._most = most
        self._buckets: dict[int, Bucket] = {}

    def add(self, step: int, value: float, *, weight: float = 1.0) -> None:
        """Count what a figure was at a step."""
        if (there := self._buckets.get(step // self.width)) is not None:
            there.add(step, value, weight=weight)
            return
        bucket = Bucket(step, step, value, value, value * weight, weight)
        self._buckets[step // self.width] = bucket
        while len(self._buckets) > self._most:
            self._widen()

    def rewind(self, step: int) -> None:
        """Forget what comes after a step; a bucket that it lies in keeps what it holds."""
        for key in [key for key, each in self._buckets.items() if each.first_step > step]:
            del self._buckets[key]

    def ordered(self) -> list[Bucket]:
        """Return the buckets in the order of their steps."""
        return sorted(self._buckets.values(), key=lambda each: each.first_step)

    def at_most(self, number: int) -> list[Bucket]:
        """Return so many buckets or fewer: neighbours become one, with the least and the most."""
        wide = Buckets(most=number)
        wide.width = self.width
        wide._buckets = {key: replace(each) for key, each in self._buckets.items()}
        while len(wide._buckets) > number:
            wide._widen()
        return wide.ordered()

    def _widen(self) -> None:
        narrow, self._buckets = self._buckets, {}
        self.width *= 2
        for key, bucket in narrow.items():
            if (there := self._buckets.get(key // 2)) is None:
                self._buckets[key // 2] = bucket
            else:
                there.merge(bucket)


class FirstAndLast:
    """The first and the last events of a kind, and how many were left out in between.

    Args:
        first, last: how many of them are kept.
    """

    def __init__(self, *, first: int, last: int) -> None:
        self.first: list[Event] = []
        self.last: deque[Event] = deque(maxlen=last)
        self.num_left_out = 0
        self._max_first = first

    def add(self, event: Event) -> None:
        """Keep an event, and let go of one in the middle where there are too many."""
        if len(self.first) < self._max_first:
            self.first.append(event)
            return
        self.num_left_out += len(self.last) == self.last.maxlen
        self.last.append(event)

    def rewind(self, step: int) -> None:
        """Forget what comes after a step; what was left out before is still counted."""
        self.last = deque((e for e in self.last if e["step"] <= step), maxlen=self.last.maxlen)
        before = len(self.first)
        self.first = [each for each in self.first if each["step"] <= step]
        if len(self.first) < before:
            self.num_left_out = 0


class RunHistory:
    """Curves, samples and troubles of a run, told event by event.

    Args:
        most: points of a curve.
    """

    def __init__(self, *, most: int = MAX_BUCKETS) -> None:
        self.curves = {name: Buckets(most=most) for names in CURVES.values() for name in names}
        self.speed = Buckets(most=MAX_SPEED_BUCKETS)
        self.samples = [FirstAndLast(first=14, last=46) for _ in range(MAX_PROMPTS)]
        self.facts: Event = {}
        self.happened = FirstAndLast(first=50, last=150)
        self._newest: tuple[int, float] | None = None
        self._thinning = Thinning()

    def add_line(self, line: bytes) -> Event | None:
        """Add a line of `metrics.jsonl`, and return its event; None of one that is not kept today.

        Raises:
            ValueError, RecursionError: it is none of this program; a crash may have cut it off.
        """
        if (step := _step_of_line(line)) is not None and not self._thinning.keeps_step(step):
            return None
        event = parse_line(line)
        if not _is_event(event):
            raise ValueError("no event")
        self._thinning.note(event)
        self.add(event)
        return event

    def add(self, event: object) -> None:
        """Add an event as `metrics.jsonl` has it; what is none of this program is passed over."""
        if not _is_event(event):
            return
        told = with_new_fields(event)
        name, step = told["event"], told["step"]
        if name in REWINDS:
            self._rewind(step)
        for key in CURVES.get(name, ()):
            if (value := figure(told, key)) is not None:
                self.curves[key].add(step, value)
        if name == "StepDone":
            self._note_speed(told)
        elif name == "Sampled":
            self._note_sample(told)
        elif name in STARTS:
            self.facts = _shortened(told)
            self.happened.add({key: told[key] for key in ("event", "step")})
        elif name not in QUIET:
            self.happened.add(_shortened(told))

    def _rewind(self, step: int) -> None:
        """Forget what the run does anew."""
        for curve in (*self.curves.values(), self.speed):
            curve.rewind(step)
        for samples in self.samples:
            samples.rewind(step)
        self.happened.rewind(step)
        self._newest = None

    def _note_sample(self, event: Event) -> None:
        number = event.get("number", 0)
        if type(number) is int and 0 <= number < MAX_PROMPTS:
            self.samples[number].add(_shortened(event))

    def _note_speed(self, event: Event) -> None:
        """Count the characters that were learnt from since the last step that was told."""
        num_chars, elapsed_s = figure(event, "num_chars"), figure(event, "elapsed_s")
        if num_chars is None or elapsed_s is None:
            return
        before, self._newest = self._newest, (event["step"], elapsed_s)
        if before is None or elapsed_s <= before[1] or event["step"] <= before[0]:
            return
        seconds = elapsed_s - before[1]
        chars_per_s = num_chars * (event["step"] - before[0]) / seconds
        if chars_per_s < MAX_FIGURE:
            self.speed.add(event["step"], chars_per_s, weight=seconds)


def parse_line(line: bytes) -> Any:
    """Return what a line holds; a number that is infinite or none is None.

    Raises:
        ValueError, RecursionError: it is no JSON.
    """
    return json.loads(line, parse_constant=lambda _: None, parse_float=_finite)


def _finite(text: str) -> float | None:
    return value if math.isfinite(value := float(text)) else None


def read_history(path: Path) -> RunHistory:
    """Return what a run's `metrics.jsonl` tells.

    It is read line by line; of more steps than are kept today, those are read that would be kept.

    Raises:
        OSError: it can't be read.
    """
    history = RunHistory()
    for line in _lines(path):
        with contextlib.suppress(ValueError, RecursionError):  # a line that a crash cut off
            history.add_line(line)
    return history


def _lines(path: Path) -> Iterator[bytes]:
    """Yield lines; one that is too long to be an event comes in pieces."""
    with open_regular(path) as file:
        yield from iter(partial(file.readline, LONGEST_LINE), b"")


def _step_of_line(line: bytes) -> int | None:
    """Return the step of a line that tells of one, without reading the rest."""
    if not line.startswith(_STEP_DONE):
        return None
    digits = line[len(_STEP_DONE) : len(_STEP_DONE) + MAX_DIGITS].partition(b",")[0]
    return int(digits) if digits.isdigit() else None


def _is_event(event: object) -> TypeGuard[Event]:
    if not isinstance(event, dict):
        return False
    name, step = event.get("event"), event.get("step")
    is_known = isinstance(name, str) and name in KNOWN
    return is_known and type(step) is int and 0 <= step <= MAX_STEP


def figure(event: Mapping[str, Any], key: str) -> float | None:
    """Return a figure of an event; None where there is none, or it can't be one."""
    value = event.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if -MAX_FIGURE < value < MAX_FIGURE else None


def _shortened(event: Event) -> Event:
    """Return an event with no more than a page shows of it."""
    fields = list(event.items())[:MAX_FIELDS]
    return {name[:MAX_FIELD_CHARS]: _shortened_value(value) for name, value in fields}


def _shortened_value(value: object) -> object:
    return value if type(value) in PLAIN else str(value)[:MAX_FIELD_CHARS]
