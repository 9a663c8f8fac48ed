"""Asks how long to train, where nobody said it and all of it would take very long."""

import sys
from typing import TYPE_CHECKING

from lumina_cli.cli.console import notice, print_text, stderr_console
from lumina_cli.cli.formatting import format_duration

if TYPE_CHECKING:
    from lumina_cli.recipes.train.plan import Plan

QUESTION = "Which one? [1] "


def minutes_for(plan: "Plan", *, asks: bool) -> float | None:
    """Return for how many minutes to train; None for as long as planned.

    Args:
        plan: of a run that would take very long.
        asks: whether a person may be asked; else it is decided, and told.
    """
    from lumina_cli.recipes.train.length import LONGER_MINUTES, SHORT_MINUTES  # noqa: PLC0415

    long = format_duration(plan.seconds)
    if not asks:
        if not plan.device.startswith("cpu"):
            return None
        notice(
            f"all of it would take about {long} and no length was given: training for "
            f"{SHORT_MINUTES:g} minutes (--minutes {SHORT_MINUTES:g}). For all of it: --epochs 100"
        )
        return SHORT_MINUTES
    console = stderr_console()
    lines = (
        f"This run would take about {long} on this machine. Train for",
        f"  1  {SHORT_MINUTES:g} minutes, a model that suits the time: words, first phrases",
        f"  2  {LONGER_MINUTES:g} minutes, a larger model",
        f"  3  about {long}, as planned",
    )
    for line in lines:
        print_text(console, line)
    return {"1": SHORT_MINUTES, "2": LONGER_MINUTES, "3": None}[_answer()]


def can_ask() -> bool:
    """Whether there is a person at a terminal."""
    return bool(sys.stdin and sys.stdin.isatty() and sys.stderr.isatty())


def _answer() -> str:
    """Return 1, 2 or 3, as typed; 1 where Enter is pressed or the input ends."""
    while True:
        sys.stderr.write(QUESTION)
        sys.stderr.flush()
        line = sys.stdin.readline()
        answer = line.strip().rstrip(".")
        if not answer:
            return "1"
        if answer in ("1", "2", "3"):
            return answer
