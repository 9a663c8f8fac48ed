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


@dataclass(frozen=True, slots=True)
class Limits:
    """What ends the run: whichever comes first."""

    epoch_steps: int | None
    max_steps: int | None
    seconds: float | None

    def progress(self, step: int, *, elapsed_s: float) -> float:
        """Return how far the run is once the step numbered `step` (from 0) is done."""
        return min(max(share for share, _ in self._shares(step + 1, elapsed_s)), 1.0)

    def reached(self, num_steps: int, *, elapsed_s: float) -> StopReason | None:
        """Return which limit is reached after `num_steps` steps, if any."""
        return next((why for share, why in self._shares(num_steps, elapsed_s) if share >= 1), None)

    def _shares(self, num_steps: int, elapsed_s: float) -> list[tuple[float, StopReason]]:
        shares: list[tuple[float, StopReason]] = []
        if self.max_steps is not None:
            shares.append((num_steps / self.max_steps, "max_steps"))
        if self.epoch_steps is not None:
            shares.append((num_steps / self.epoch_steps, "epochs"))
        if self.seconds is not None:
            shares.append((elapsed_s / self.seconds if self.seconds > 0 else 1.0, "minutes"))
        assert shares, "a run needs an end"
        return shares
