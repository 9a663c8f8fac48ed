"""What an optimizer step does, as changes that are prepared first and then made.

Preparing reads and computes; making a change only copies. Each of the two can be begun
again when memory runs out in it, and the result is the same: no step is applied in part
or twice.
"""

from collections.abc import Callable

from torch import Tensor

Change = list[tuple[Tensor, Tensor]]
"""Pairs of a tensor and what it is to hold."""

Prepare = Callable[[], Change]


def make(change: Change) -> None:
    """Copy what was prepared to where it belongs."""
    for target, values in change:
        target.copy_(values)
