"""A figure of each step as the least, the most and the mean over some steps."""

from dataclasses import dataclass, replace

MAX_BUCKETS = 600
"""More points than pixels only make the page larger."""


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
