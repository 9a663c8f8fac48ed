"""What happened in a run, in memory that stays the same however long the run is.

A figure of each step becomes the least, the most and the mean over some steps; of samples, and of
what went wrong, the first and the last are kept.
"""

import contextlib
from collections import deque
from pathlib import Path

from lumina_cli.core.training.events import with_new_fields
from lumina_cli.io.folders.run_folder import Thinning
from lumina_cli.recipes.run.events import STARTS, SUCCESSFUL_SAVES
from lumina_cli.recipes.run.report_page.buckets import MAX_BUCKETS, Buckets
from lumina_cli.recipes.run.report_page.event_lines import (
    MAX_FIGURE,
    Event,
    figure,
    is_event,
    lines_of,
    parse_line,
    step_of_line,
)

MAX_SPEED_BUCKETS = 100
"""The time of a single step tells little."""

MAX_PROMPTS = 3
"""Each with samples of its own."""

MAX_FIELDS, MAX_FIELD_CHARS = 20, 500
"""Of an event that is shown in words."""

REWINDS = STARTS | {"RolledBack"}
"""Events that tell from which step the run goes on."""

QUIET = {"StepDone", "EpochDone", "Evaluated", "Sampled"} | SUCCESSFUL_SAVES
"""Events that curves and samples show; the others are what happened."""

CURVES = {
    "StepDone": ("loss", "learning_rate", "memory_bytes"),
    "Evaluated": ("nats_per_char", "base_loss"),
}
"""The figures of each event that are drawn."""

_PLAIN = (int, float, bool, type(None))


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
        if (step := step_of_line(line)) is not None and not self._thinning.keeps_step(step):
            return None
        event = parse_line(line)
        if not is_event(event):
            raise ValueError("no event")
        self._thinning.note(event)
        self._add(event)
        return event

    def add(self, event: object) -> None:
        """Add an event as `metrics.jsonl` has it; what is none of this program is passed over."""
        if is_event(event):
            self._add(event)

    def _add(self, event: Event) -> None:
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


def read_history(path: Path) -> RunHistory:
    """Return what a run's `metrics.jsonl` tells.

    It is read line by line; of more steps than are kept today, those are read that would be kept.

    Raises:
        OSError: it can't be read.
    """
    history = RunHistory()
    for line in lines_of(path):
        with contextlib.suppress(ValueError, RecursionError):  # a line that a crash cut off
            history.add_line(line)
    return history


def _shortened(event: Event) -> Event:
    """Return an event with no more than a page shows of it."""
    fields = list(event.items())[:MAX_FIELDS]
    return {name[:MAX_FIELD_CHARS]: _shortened_value(value) for name, value in fields}


def _shortened_value(value: object) -> object:
    return value if type(value) in _PLAIN else str(value)[:MAX_FIELD_CHARS]
