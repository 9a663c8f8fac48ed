"""What older checkpoints and runs called by other names, and what none can hold."""

from typing import Any

import pytest
from pydantic import ValidationError

from lumina_cli.core.training.events import with_new_fields
from lumina_cli.core.training.state import TrainState
from lumina_cli.errors import ModelFileError
from tests.unit.core.training.test_resume import new_trainer

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


@pytest.mark.parametrize(
    "changes",
    [
        {"epoch": -1},
        {"num_steps": 2**60},
        {"num_steps": 1.0},
        {"num_steps": True},
        {"batch_index": -1},
        {"evaluated_step": -2},
        {"lr_scale": -1.0},
        {"lr_scale": 0.0},
        {"lr_scale": 2.0},
        {"alpha": -0.5},
        {"progress": 1.5},
        {"elapsed_s": -1.0},
        {"elapsed_s": 1e300},
        {"best_val_loss": -1.0},
        {"loss_scale": 0.0},
        {"micro_batch_size": -1},
        {"eval_chars": -5},
        {"recent_skips": [-1]},
        {"recent_skips": [1] * 1_001},
        {"is_epoch_over": 1},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_numbers_that_no_run_has_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TrainState.model_validate(changes)


@pytest.mark.parametrize("name", ["optimizer/adamw/first", "model/ln_f.bias", "random/cpu"])
@pytest.mark.parametrize("change", ["another kind", "too few"])
def test_tensors_that_no_run_has_are_refused(name: str, change: str) -> None:
    trainer = new_trainer()
    snapshot = trainer.state_dict().clone()
    tensor = snapshot.tensors[name]
    snapshot.tensors[name] = tensor.long() if change == "another kind" else tensor[:-1].clone()
    with pytest.raises(ModelFileError, match="another model or optimizer"):
        trainer.load_state_dict(snapshot)
