"""How long what comes next will take."""

from lumina_cli.core.training.schedule.time_budget import note_saving, reserve_s
from lumina_cli.core.training.state import TrainState


def test_the_first_save_which_counts_statistics_too_does_not_stand_for_the_others() -> None:
    state = TrainState(step_s=1.0, evaluation_s=2.0)
    note_saving(30.0, state=state)
    assert reserve_s(state) == 1.0 + 2.0 + 30.0
    note_saving(3.0, state=state)
    note_saving(4.0, state=state)
    assert reserve_s(state) == 1.0 + 2.0 + 3.0


def test_saving_is_not_taken_for_shorter_than_an_evaluation() -> None:
    state = TrainState(step_s=1.0, evaluation_s=2.0)
    note_saving(0.1, state=state)
    assert reserve_s(state) == 1.0 + 2.0 + 2.0
