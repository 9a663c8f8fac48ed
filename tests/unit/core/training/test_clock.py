"""The clock of a run: seconds of training, looked at when it is said."""

from typing import Any

from lumina_cli.core.training.clock import RunClock
from lumina_cli.core.training.parallel.rank import ALONE, SingleProcess


def test_it_tells_the_time_at_which_it_was_last_looked_at() -> None:
    times = iter([100.0, 107.0])
    clock = RunClock(lambda: next(times), rank=ALONE)
    clock.look()
    clock.resume(30.0)
    assert clock.elapsed_s == 30.0
    assert clock.look() == 107.0
    assert clock.elapsed_s == clock.elapsed_s == 37.0


def test_all_ranks_have_the_time_of_the_first() -> None:
    class Second(SingleProcess):
        index = 1
        world_size = 2

        def time(self, clock: Any) -> float:
            return 5.0  # what the first rank has

    assert RunClock(lambda: 9.0, rank=Second()).look() == 5.0
