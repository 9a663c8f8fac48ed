"""The learning rate as a function of progress, and progress from what limits the run.

Progress runs from 0 to 1 and never falls, whatever ends the run: passes over the text,
steps, or the clock. So one schedule serves them all.
"""

import math
from dataclasses import dataclass

from lumina_cli.core.training.events import StopReason


def learning_rate_factor(progress: float, *, warmup_ratio: float, min_lr_ratio: float) -> float:
    """Return the learning rate as a share of the highest: linear warm-up, then a cosine.

    Args:
        progress: in [0, 1]. Step k of n is at (k + 1) / n, so the first step is already
            on the way up and the last one is at the floor.
        warmup_ratio: where the peak is.
        min_lr_ratio: the floor.

    Source: Loshchilov & Hutter 2017, "SGDR" (the cosine).
    """
    if progress < warmup_ratio:
        return progress / warmup_ratio
    along = (progress - warmup_ratio) / (1 - warmup_ratio)
    return min_lr_ratio + (1 - min_lr_ratio) * 0.5 * (1 + math.cos(math.pi * min(along, 1.0)))


def window_length(progress: float, *, first: int | None, last: int) -> int:
    """Return how long windows of text are at this progress: `first`, doubled stage by stage.

    The stages take equal shares of the run, and the last one has the length `last`. Short
    windows cost less attention, and what characters follow each other is learnt in them as
    well; what lies further apart is learnt at the end.
    Source: Li et al. 2022, "The Stability-Efficiency Dilemma" (sequence length warm-up).
    """
    lengths = []
    length = last if first is None else first
    while length < last:
        lengths.append(length)
        length *= 2
    lengths.append(last)
    return lengths[min(int(progress * len(lengths)), len(lengths) - 1)]


@dataclass(frozen=True, slots=True)
class Position:
    """How far a run is: optimizer steps, passes over the text, seconds."""

    num_steps: int
    passes: float
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What ends the run: whichever comes first."""

    epochs: int | None
    max_steps: int | None
    seconds: float | None

    def progress(self, position: Position) -> float:
        """Return the share of the run that is done at `position`, at most 1."""
        return min(max(share for share, _ in self._shares(position)), 1.0)

    def reached(self, position: Position) -> StopReason | None:
        """Return which limit is reached at `position`, if any."""
        return next((why for share, why in self._shares(position) if share >= 1), None)

    def _shares(self, position: Position) -> list[tuple[float, StopReason]]:
        shares: list[tuple[float, StopReason]] = []
        if self.max_steps is not None:
            shares.append((position.num_steps / self.max_steps, "max_steps"))
        if self.epochs is not None:
            shares.append((position.passes / self.epochs, "epochs"))
        if self.seconds is not None:
            share = position.elapsed_s / self.seconds if self.seconds > 0 else 1.0
            shares.append((share, "minutes"))
        assert shares, "a run needs an end"
        return shares
