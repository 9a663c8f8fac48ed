"""The learning rate over a run."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.core.training.schedule.learning_rate import learning_rate_factor
from lumina_cli.core.training.schedule.limits import Limits, Position

WARMUP, FLOOR = st.floats(0, 0.99), st.floats(0, 1)


def factor(progress: float, *, warmup_ratio: float = 0.1, min_lr_ratio: float = 0.1) -> float:
    return learning_rate_factor(progress, warmup_ratio=warmup_ratio, min_lr_ratio=min_lr_ratio)


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        (0.025, 0.25),
        (0.05, 0.5),
        (0.1, 1.0),
        (0.55, 0.1 + 0.9 / 2),  # half-way down the cosine
        (0.4, 0.1 + 0.9 * 0.75),  # a third of the way: (1 + cos 60°) / 2
        (1.0, 0.1),
    ],
)
def test_the_factor_by_hand(progress: float, expected: float) -> None:
    assert factor(progress) == pytest.approx(expected)


@given(warmup_ratio=WARMUP, min_lr_ratio=FLOOR)
def test_it_peaks_at_the_end_of_the_warm_up_and_ends_at_the_floor(
    warmup_ratio: float, min_lr_ratio: float
) -> None:
    given_ = {"warmup_ratio": warmup_ratio, "min_lr_ratio": min_lr_ratio}
    assert factor(warmup_ratio, **given_) == pytest.approx(1.0)
    assert factor(1.0, **given_) == pytest.approx(min_lr_ratio)


@given(
    warmup_ratio=WARMUP,
    min_lr_ratio=FLOOR,
    points=st.lists(st.floats(0, 1), min_size=2).map(sorted),
)
def test_after_the_warm_up_it_never_rises(
    warmup_ratio: float, min_lr_ratio: float, points: list[float]
) -> None:
    after = [
        factor(point, warmup_ratio=warmup_ratio, min_lr_ratio=min_lr_ratio)
        for point in points
        if point >= warmup_ratio
    ]
    assert all(late <= early + 1e-12 for early, late in pairwise(after))


def test_the_first_step_of_many_is_already_on_the_way_up() -> None:
    limits = Limits(epochs=None, max_steps=1000, seconds=None)
    assert factor(limits.progress(Position(1, 0.0, 0.0))) == pytest.approx(0.01)
    assert math.isclose(factor(limits.progress(Position(1000, 0.0, 0.0))), 0.1)
