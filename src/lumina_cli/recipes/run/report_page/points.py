"""What buckets of steps come to: points to draw, means, and steps in words."""

from collections.abc import Sequence

from lumina_cli.recipes.run.report_page.buckets import Bucket, Buckets
from lumina_cli.recipes.run.report_page.charts import Point

TENTH = 10


def points(buckets: Buckets, *, scale: float = 1.0) -> list[Point]:
    """Return a point for each bucket, its figures times `scale`."""
    return [
        Point(
            (each.first_step + each.last_step) / 2,
            each.mean * scale,
            each.low * scale,
            each.high * scale,
        )
        for each in buckets.ordered()
    ]


def mean_until(buckets: Sequence[Bucket], step: int) -> float:
    """Return the mean over those steps until a step which are a tenth of all steps."""
    span = max((buckets[-1].last_step - buckets[0].first_step + 1) // TENTH, 1)
    until = [each for each in buckets if each.first_step <= step] or [*buckets[:1]]
    among = [each for each in until if each.last_step > until[-1].last_step - span]
    return mean(among)


def mean(buckets: Sequence[Bucket]) -> float:
    """Return the weighted mean of a figure over some buckets."""
    return sum(each.total for each in buckets) / sum(each.weight for each in buckets)


def in_steps(bucket: Bucket) -> str:
    """Return where a bucket is, in words."""
    if bucket.first_step == bucket.last_step:
        return f"step {bucket.first_step:,}"
    return f"steps {bucket.first_step:,} to {bucket.last_step:,}"
