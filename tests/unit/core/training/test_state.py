"""What older checkpoints and runs called by other names."""

import pytest
from pydantic import ValidationError

from lumina_cli.core.training.events import with_new_fields
from lumina_cli.core.training.state import TrainState

OLD = {"num_steps": 6, "share": 0.5, "best_nats": 2.5, "usual_loss": 3.0, "recomputes": True}
NEW = {"alpha": 0.5, "best_val_loss": 2.5, "ema_loss": 3.0, "activation_checkpointing": True}


def test_numbers_of_an_older_checkpoint_are_understood() -> None:
    state = TrainState.model_validate(OLD)
    assert state == TrainState(num_steps=6, **NEW)
    assert TrainState.model_validate(state.model_dump(mode="json")) == state


@pytest.mark.parametrize("damaged", [{"shares": 1.0}, {"num_steps": "many"}, [], 3])
def test_what_is_no_state_is_refused(damaged: object) -> None:
    with pytest.raises(ValidationError):
        TrainState.model_validate(damaged)


def test_events_of_an_older_run_are_understood() -> None:
    kept = {"event": "Evaluated", "step": 1, "kept_nats_per_char": 2.0, "share": 1.0}
    expected = {"event": "Evaluated", "step": 1, "base_loss": 2.0, "alpha": 1.0}
    assert with_new_fields(kept) == expected
    assert with_new_fields(expected) == expected
    assert with_new_fields({"step": 1, "share": 0.5}) == {"step": 1, "share": 0.5}
