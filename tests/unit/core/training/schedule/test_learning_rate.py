"""The learning rate over a run."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.core.training.schedule.learning_rate import (
    Limits,
    Position,
    learning_rate_factor,
    window_length,
)

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


def at(num_steps: int, *, passes: float = 0.0, elapsed_s: float = 0.0) -> Position:
    return Position(num_steps, passes, elapsed_s)


def test_a_run_is_as_far_as_the_limit_that_is_nearest() -> None:
    limits = Limits(epochs=2, max_steps=10, seconds=100.0)
    assert limits.progress(at(3, passes=0.5, elapsed_s=20.0)) == pytest.approx(0.3)
    assert limits.progress(at(3, passes=1.0, elapsed_s=20.0)) == pytest.approx(0.5)
    assert limits.progress(at(3, passes=0.5, elapsed_s=80.0)) == pytest.approx(0.8)


def test_progress_ends_at_one() -> None:
    assert Limits(epochs=None, max_steps=10, seconds=None).progress(at(11)) == 1.0


@pytest.mark.parametrize(
    ("position", "reason"),
    [
        (at(9, passes=1.9, elapsed_s=99.0), None),
        (at(10), "max_steps"),
        (at(1, passes=2.0), "epochs"),
        (at(1, elapsed_s=100.0), "minutes"),
    ],
)
def test_the_first_limit_that_is_reached_ends_the_run(
    position: Position, reason: str | None
) -> None:
    assert Limits(epochs=2, max_steps=10, seconds=100.0).reached(position) == reason


@pytest.mark.parametrize("seconds", [0.0, -5.0])
def test_no_time_at_all_is_over_at_once(seconds: float) -> None:
    assert Limits(epochs=None, max_steps=None, seconds=seconds).reached(at(0)) == "minutes"


def test_the_first_step_of_many_is_already_on_the_way_up() -> None:
    limits = Limits(epochs=None, max_steps=1000, seconds=None)
    assert factor(limits.progress(at(1))) == pytest.approx(0.01)
    assert math.isclose(factor(limits.progress(at(1000))), 0.1)


@pytest.mark.parametrize(
    ("first", "last", "lengths"),
    [
        (None, 128, [128, 128, 128, 128]),
        (32, 128, [32, 32, 64, 128]),
        (16, 128, [16, 32, 64, 128]),
        (48, 128, [48, 48, 96, 128]),
        (128, 128, [128, 128, 128, 128]),
        (200, 128, [128, 128, 128, 128]),
    ],
)
def test_windows_double_in_equal_stages(first: int | None, last: int, lengths: list[int]) -> None:
    progress = (0.0, 0.3, 0.6, 0.9)
    assert [window_length(p, first=first, last=last) for p in progress] == lengths
    assert window_length(1.0, first=first, last=last) == last
