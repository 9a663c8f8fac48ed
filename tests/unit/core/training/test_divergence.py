"""Losses that are no numbers, losses that jump, and the way back."""

from typing import Any

import pytest
import torch
from torch import Tensor

from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.divergence import (
    count_skip,
    has_diverged,
    has_unlearnt,
    is_worse_than_untrained,
)
from lumina_cli.core.training.events import (
    Evaluated,
    Finished,
    LossSpiked,
    Overfits,
    RolledBack,
    StepDone,
    StepSkipped,
    TrainEvent,
)
from lumina_cli.core.training.loop import Trainer
from lumina_cli.core.training.state import Snapshot, TrainState
from lumina_cli.data.batches import Replay
from lumina_cli.errors import DivergedError
from tests.unit.core.training.conftest import FP32, random_text, tiny_model


def make_trainer(*, bad_attempts: set[int], factor: float = float("nan"), **kw: Any) -> Trainer:
    """A trainer whose hidden states are multiplied by `factor` in some of its attempts."""
    torch.manual_seed(0)
    given = {"batch_size": 4, "learning_rate": 1e-2, "epochs": None, "max_steps": 30, "patience": 0}
    trainer = Trainer(
        tiny_model(),
        train=random_text(300),
        validation=random_text(60, seed=1),
        config=TrainingConfig.model_validate({**given, **kw}),
        precision=FP32,
        clock=lambda: 0.0,
    )
    real = trainer.model.hidden

    def hidden(idx: Tensor) -> Tensor:
        x = real(idx)
        if trainer.model.training and trainer.state.num_attempts in bad_attempts:
            x = x * factor
        return x

    trainer.model.hidden = hidden  # type: ignore[method-assign, assignment]
    return trainer


def run_with_recall(trainer: Trainer, *, save_at: int) -> list[TrainEvent]:
    saved: list[Snapshot] = []
    trainer.load_last_good = lambda: saved[-1]
    events = []
    for event in trainer.run():
        events.append(event)
        if isinstance(event, Evaluated) and event.step == 0:
            saved.append(trainer.state_dict().clone())
        if isinstance(event, StepDone) and event.step == save_at and len(saved) == 1:
            saved.append(trainer.state_dict().clone())
    return events


def test_a_batch_whose_loss_is_no_number_is_passed_over() -> None:
    events = list(make_trainer(bad_attempts={5}).run())
    skips = [event for event in events if isinstance(event, StepSkipped)]
    assert skips == [StepSkipped(step=5, epoch=0, batch_index=5, is_overflow=False)]
    assert isinstance(events[-1], Finished)
    assert events[-1].step == 30


def test_three_in_a_row_go_back_past_the_data_at_half_the_rate() -> None:
    trainer = make_trainer(bad_attempts={9, 10, 11})
    events = run_with_recall(trainer, save_at=6)
    (back,) = [event for event in events if isinstance(event, RolledBack)]
    assert (back.from_step, back.step, back.lr_scale) == (9, 6, 0.5)
    after = events[events.index(back) + 1 :]
    first = next(event for event in after if isinstance(event, StepDone))
    assert first.step == 7
    assert trainer.state.num_rollbacks == 1
    rates = {e.step: e.learning_rate for e in events if isinstance(e, StepDone)}
    replica = {e.step: e.learning_rate for e in make_trainer(bad_attempts=set()).run()
            if isinstance(e, StepDone)}  # fmt: skip
    assert rates[20] == pytest.approx(replica[20] / 2)


def test_the_weights_are_those_of_the_good_state() -> None:
    trainer = make_trainer(bad_attempts={9, 10, 11})
    saved: list[Snapshot] = []
    trainer.load_last_good = lambda: saved[-1]
    for event in trainer.run():
        if isinstance(event, StepDone) and event.step == 6 and not saved:
            saved.append(trainer.state_dict().clone())
        if isinstance(event, RolledBack):
            break
    now = trainer.state_dict().tensors
    assert all(torch.equal(tensor, now[name]) for name, tensor in saved[0].tensors.items())


def test_after_going_back_twice_the_run_ends_and_names_the_place() -> None:
    trainer = make_trainer(bad_attempts=set(range(9, 500)))
    with pytest.raises(DivergedError, match=r"step 6.*epoch 2, batch 8, after going back twice"):
        run_with_recall(trainer, save_at=6)


def test_without_a_state_to_go_back_to_the_run_ends() -> None:
    with pytest.raises(DivergedError, match="step 4"):
        list(make_trainer(bad_attempts={4, 5, 6}).run())


def test_more_than_one_in_a_hundred_is_too_many() -> None:
    state = TrainState()
    for attempt in range(0, 1000, 91):
        state.num_attempts, state.skips_in_a_row = attempt, 0
        assert not has_diverged(state)
        count_skip(state)
    assert has_diverged(state)
    state.num_attempts, state.skips_in_a_row = 3000, 0
    count_skip(state)
    assert not has_diverged(state.model_copy(update={"skips_in_a_row": 0}))


def test_a_loss_that_jumps_is_told() -> None:
    trainer = make_trainer(bad_attempts={60}, factor=30.0, max_steps=70)
    spikes = [event for event in trainer.run() if isinstance(event, LossSpiked)]
    assert [spike.step for spike in spikes] == [61]
    assert spikes[0].loss > 1.5 * spikes[0].ema_loss


def test_where_old_text_is_mixed_in_a_batch_with_less_of_it_is_no_jump() -> None:
    trainer = make_trainer(bad_attempts={60}, factor=30.0, max_steps=70)
    trainer.epochs.replay = Replay([trainer.epochs.train], share=0.5)
    assert not [event for event in trainer.run() if isinstance(event, LossSpiked)]


def test_a_run_that_gets_no_better_ends_early_and_says_that_it_overfits() -> None:
    trainer = make_trainer(
        bad_attempts=set(), max_steps=400, num_evals=40, patience=5, learning_rate=0.05
    )
    events = list(trainer.run())
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == "patience"
    (overfits,) = [event for event in events if isinstance(event, Overfits)]
    assert overfits.nats_per_char > overfits.best_nats_per_char
    assert overfits.best_step == trainer.state.best_step


def test_a_run_that_unlearns_goes_back_to_a_lower_rate_and_the_same_data() -> None:
    trainer = make_trainer(bad_attempts=set(), learning_rate=1.0, num_evals=2, warmup_ratio=0.0)
    events = run_with_recall(trainer, save_at=-1)
    first, *later = [event for event in events if isinstance(event, Evaluated)]
    back = [event for event in events if isinstance(event, RolledBack)]
    assert back
    assert [event.lr_scale for event in back] == [0.5, 0.25][: len(back)]
    assert {(event.step, event.batch_index) for event in back} == {(0, None)}
    unlearnt = [event for event in later if event.is_worse_than_untrained]
    assert len(unlearnt) >= len(back)
    assert not any(event.is_best for event in unlearnt)
    assert all(event.nats_per_char > first.nats_per_char for event in unlearnt)


def test_a_run_that_goes_on_unlearning_ends_in_an_error() -> None:
    trainer = make_trainer(bad_attempts=set(), learning_rate=10.0, num_evals=2, warmup_ratio=0.0)
    with pytest.raises(DivergedError, match="less of the text than before it was trained") as ended:
        run_with_recall(trainer, save_at=-1)
    assert trainer.state.num_rollbacks == 2
    assert "--learning-rate" in ended.value.hint
    assert "best model" not in ended.value.hint


def test_a_run_that_unlearns_only_at_its_end_is_no_success() -> None:
    trainer = make_trainer(bad_attempts=set(), learning_rate=10.0, num_evals=1, warmup_ratio=0.0)
    with pytest.raises(DivergedError):
        run_with_recall(trainer, save_at=-1)


def test_a_model_that_overfits_has_not_unlearnt() -> None:
    state = TrainState(num_steps=9, untrained_val_loss=4.0, first_loss=4.0, ema_loss=0.5)
    worse = Evaluated(9, 6.0, 9.0, 0.1, True, 0.0, is_worse_than_untrained=True)
    assert is_worse_than_untrained(6.0, state)
    assert not is_worse_than_untrained(4.3, state)
    assert not has_unlearnt(worse, state)
    assert has_unlearnt(worse, state.model_copy(update={"ema_loss": 5.0}))
    assert not is_worse_than_untrained(6.0, TrainState(num_steps=9))
