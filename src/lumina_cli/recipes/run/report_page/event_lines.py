"""Lines of `metrics.jsonl`: a crash may have cut one off, and anybody may have written another."""

import contextlib
import json
import math
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard, get_args

from pydantic_core import from_json

from lumina_cli.io.regular_file import open_regular
from lumina_cli.recipes.run.events import STARTS, RunEvent

LONGEST_LINE = 100_000
"""In bytes: a longer one comes in pieces, and is no event."""

MAX_FILE_BYTES = 256_000_000
"""A file may say that it is a terabyte, and hold nothing."""

MAX_STEP, MAX_DIGITS = 1 << 53, 20

MAX_FIGURE = 1e100
"""Beyond, sums over a run could be infinite; no figure of a run comes near it."""

KNOWN = STARTS | {kind.__name__ for kind in get_args(RunEvent)}

_STEP_DONE = b'{"event": "StepDone", "step": '
"""How a line begins that need not be read where others stand for it."""

_PLAIN = (str, int, bool, type(None))

Event = dict[str, Any]


def parse_line(line: bytes) -> Any:
    """Return what a line holds; a number that is infinite or none is None.

    Raises:
        ValueError, RecursionError: it is no JSON.
    """
    with contextlib.suppress(ValueError):
        event = from_json(line)  # five times as quick as `json`
        if isinstance(event, dict) and all(map(_is_plain, event.values())):
            return event
    return json.loads(line, parse_constant=lambda _: None, parse_float=_finite)


def _is_plain(value: object) -> bool:
    return math.isfinite(value) if type(value) is float else type(value) in _PLAIN


def _finite(text: str) -> float | None:
    return value if math.isfinite(value := float(text)) else None


def lines_of(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file, to a bound."""
    with open_regular(path) as file:
        for line in iter(partial(file.readline, LONGEST_LINE), b""):
            yield line
            if file.tell() >= MAX_FILE_BYTES:
                return


def step_of_line(line: bytes) -> int | None:
    """Return the step of a line that tells of one, without reading the rest."""
    if not line.startswith(_STEP_DONE):
        return None
    digits = line[len(_STEP_DONE) : len(_STEP_DONE) + MAX_DIGITS].partition(b",")[0]
    return int(digits) if digits.isdigit() else None


def is_event(event: object) -> TypeGuard[Event]:
    """Tell whether this is an event of this program."""
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
