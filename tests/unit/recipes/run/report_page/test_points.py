"""What buckets of steps come to."""

from lumina_cli.recipes.run.report_page.buckets import Bucket, Buckets
from lumina_cli.recipes.run.report_page.points import in_steps, mean, mean_until, points


def of(figures: list[float]) -> list[Bucket]:
    return [Bucket(step, step, each, each, each, 1.0) for step, each in enumerate(figures, 1)]


def test_a_point_is_in_the_middle_of_its_steps() -> None:
    buckets = Buckets(most=1)
    for step, figure in ((2, 1.0), (3, 3.0)):
        buckets.add(step, figure)
    assert points(buckets, scale=2.0) == [(2.5, 4.0, 2.0, 6.0)]


def test_a_mean_is_of_the_tenth_of_the_steps_until_one() -> None:
    buckets = of([float(step) for step in range(1, 101)])
    assert mean_until(buckets, 100) == 95.5
    assert mean_until(buckets, 50) == 45.5
    assert mean_until(buckets, 0) == 1.0
    assert mean_until(of([7.0]), 1) == 7.0


def test_a_mean_counts_each_step() -> None:
    assert mean([Bucket(1, 1, 4, 4, 4.0, 1.0), Bucket(2, 4, 0, 0, 0.0, 3.0)]) == 1.0


def test_steps_are_told_in_words() -> None:
    assert in_steps(Bucket(5, 5, 0, 0, 0, 1)) == "step 5"
    assert in_steps(Bucket(1_024, 2_047, 0, 0, 0, 1)) == "steps 1,024 to 2,047"
