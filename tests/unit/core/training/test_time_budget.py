"""How long what comes next will take."""

from lumina_cli.core.training.state import TrainState
from lumina_cli.core.training.time_budget import note_saving, reserve_s


def test_the_first_save_which_counts_statistics_too_does_not_stand_for_the_others() -> None:
    counters = TrainState(step_s=1.0, evaluation_s=2.0)
    note_saving(30.0, counters=counters)
    assert reserve_s(counters) == 1.0 + 2.0 + 30.0
    note_saving(3.0, counters=counters)
    note_saving(4.0, counters=counters)
    assert reserve_s(counters) == 1.0 + 2.0 + 3.0


def test_saving_is_not_taken_for_shorter_than_an_evaluation() -> None:
    counters = TrainState(step_s=1.0, evaluation_s=2.0)
    note_saving(0.1, counters=counters)
    assert reserve_s(counters) == 1.0 + 2.0 + 2.0
