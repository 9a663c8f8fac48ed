"""The learning rate as a function of progress, which is the same whatever ends the run."""

import math


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
