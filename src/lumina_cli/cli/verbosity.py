"""How much is told: -q less, -v more, -vv with tracebacks."""

from dataclasses import dataclass


@dataclass
class Verbosity:
    """-1 quiet, 0 usual, 1 more, 2 tracebacks. Set once, where the options are parsed."""

    level: int = 0


verbosity = Verbosity()
