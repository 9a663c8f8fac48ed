"""What ends a run."""

import pytest

from lumina_cli.core.training.schedule.limits import Limits, Position


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
