"""A run that stops at any step and goes on is, to the bit, the run that never stopped."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from lumina_cli.core.precision import LossScale, Precision
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.events import EpochDone, Evaluated, Finished, StepDone, TrainEvent
from lumina_cli.core.training.loop import Trainer
from lumina_cli.core.training.state import Snapshot, TrainState
from tests.unit.core.training.conftest import FP16, FP32, random_text, tiny_model

NUM_STEPS = 60
SPLIT_AT = 23
"""The attempt at which memory runs out once."""

SETTINGS: dict[str, Any] = {
    "batch_size": 5,  # 9 batches an epoch, the last one smaller
    "epochs": None,
    "max_steps": NUM_STEPS,
    "learning_rate": 1e-2,
    "label_smoothing": 0.1,
    "num_evals": 7,
    "patience": 0,
}


class Clock:
    """A clock that tells the same in every run: a second later at each call."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def new_trainer(*, dropout: float = 0.2, precision: Precision = FP32, **changes: Any) -> Trainer:
    """A trainer as a fresh process makes it, at random numbers of its own."""
    torch.manual_seed(12345)
    trainer = Trainer(
        tiny_model(dropout=dropout),
        train=random_text(340),
        validation=random_text(80, seed=1),
        config=TrainingConfig.model_validate({**SETTINGS, **changes}),
        precision=precision,
        clock=Clock(),
    )
    run_out_of_memory_once(trainer)
    return trainer


def run_out_of_memory_once(trainer: Trainer) -> None:
    """Let the forward pass of one step fail while it is done with whole batches."""
    real = trainer.model.hidden

    def hidden(idx: Tensor) -> Tensor:
        x = real(idx)
        if trainer.num_steps == SPLIT_AT and len(idx) > 3 and trainer.model.training:
            raise torch.OutOfMemoryError
        return x

    trainer.model.hidden = hidden  # type: ignore[method-assign, assignment]


def told(event: TrainEvent) -> TrainEvent:
    """Return an event without the time it took."""
    if isinstance(event, (StepDone, Finished)):
        return replace(event, elapsed_s=0.0)
    if isinstance(event, EpochDone):
        return replace(event, seconds=0.0, elapsed_s=0.0)
    return replace(event, seconds=0.0) if isinstance(event, Evaluated) else event


def events_of(trainer: Trainer) -> Iterator[TrainEvent]:
    return (told(event) for event in trainer.run())


TIMES = {"elapsed_s", "step_s", "evaluation_s", "save_s", "epoch_elapsed_s"}


def assert_same(state: Snapshot, other: Snapshot) -> None:
    assert state.train_state.model_dump(exclude=TIMES) == other.train_state.model_dump(
        exclude=TIMES
    )
    assert state.tensors.keys() == other.tensors.keys()
    for name, tensor in state.tensors.items():
        assert torch.equal(tensor, other.tensors[name]), name


class Uninterrupted:
    """A whole run: what it told, and its state after each step."""

    def __init__(self, *, lr_scale: float = 1.0, **changes: Any) -> None:
        trainer = new_trainer(**changes)
        trainer.state.lr_scale = lr_scale
        self.events: list[TrainEvent] = []
        self.states: dict[int, tuple[int, Snapshot]] = {}
        for event in events_of(trainer):
            self.events.append(event)
            if isinstance(event, StepDone):
                self.states[event.step] = (len(self.events), trainer.state_dict().clone())
        self.end = trainer.state_dict().clone()


@pytest.fixture(scope="module")
def whole() -> Uninterrupted:
    return Uninterrupted()


def test_the_run_holds_what_could_go_wrong(whole: Uninterrupted) -> None:
    kinds = [type(event).__name__ for event in whole.events]
    assert kinds.count("StepDone") == NUM_STEPS
    assert kinds.count("EpochDone") >= 5
    assert kinds.count("Evaluated") >= 7
    assert kinds.count("BatchSplit") == 1


def test_fewer_windows_at_once_are_kept_where_memory_ran_out_and_only_there(
    whole: Uninterrupted,
) -> None:
    states = [new_trainer(micro_batch_size=2).state_dict(), whole.states[SPLIT_AT + 1][1]]
    sizes = []
    for state in states:
        trainer = new_trainer()
        trainer.load_state_dict(state)
        sizes.append(trainer.stepper.micro_batch_size)
    assert sizes == [5, 3]


def often(step: int) -> Any:
    """Every step is proved; the usual tests try some, those around the split among them."""
    usual = step % 9 == 0 or step in (1, SPLIT_AT, SPLIT_AT + 1, NUM_STEPS)
    return step if usual else pytest.param(step, marks=pytest.mark.slow)


@pytest.mark.parametrize("step", [often(step) for step in range(1, NUM_STEPS + 1)])
def test_it_goes_on_from_any_step(whole: Uninterrupted, step: int) -> None:
    seen, state = whole.states[step]
    trainer = new_trainer()
    trainer.load_state_dict(state)
    assert list(events_of(trainer)) == whole.events[seen:]
    assert_same(trainer.state_dict(), whole.end)


def through_json(state: Snapshot) -> Snapshot:
    """Return the state as a checkpoint brings it back: its state through JSON."""
    return replace(
        state, train_state=TrainState.model_validate_json(state.train_state.model_dump_json())
    )


@pytest.mark.parametrize(
    "changes",
    [{"optimizer": "muon"}, {"grad_accum": 2}, {"patience": 2}, {"start_seq_length": 2}],
)
def test_it_goes_on_whatever_the_settings(changes: dict[str, Any]) -> None:
    whole = Uninterrupted(**changes)
    for seen, state in list(whole.states.values())[:: NUM_STEPS // 2]:
        trainer = new_trainer(**changes)
        trainer.load_state_dict(through_json(state))
        assert list(events_of(trainer)) == whole.events[seen:]
        assert_same(trainer.state_dict(), whole.end)


def test_the_scale_of_fp16_goes_on_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LossScale, "DOUBLE_AFTER", 7)
    whole = Uninterrupted(precision=FP16)
    assert whole.end.train_state.loss_scale > LossScale.FIRST
    for step in (5, 30):
        seen, state = whole.states[step]
        trainer = new_trainer(precision=FP16)
        trainer.load_state_dict(through_json(state))
        assert list(events_of(trainer)) == whole.events[seen:]
        assert_same(trainer.state_dict(), whole.end)


def forget_tensors(prefix: str) -> Callable[[Snapshot, Snapshot], Snapshot]:
    def forget(state: Snapshot, fresh: Snapshot) -> Snapshot:
        forgotten = {name: t for name, t in fresh.tensors.items() if name.startswith(prefix)}
        assert forgotten
        return replace(state, tensors={**state.tensors, **forgotten})

    return forget


def forget_numbers(*names: str) -> Callable[[Snapshot, Snapshot], Snapshot]:
    def forget(state: Snapshot, fresh: Snapshot) -> Snapshot:
        values = {name: getattr(fresh.train_state, name) for name in names}
        return replace(state, train_state=state.train_state.model_copy(update=values))

    return forget


MUTANTS = {
    "weights": forget_tensors("model/"),
    "momentum": forget_tensors("optimizer/adamw/first"),
    "second moment": forget_tensors("optimizer/adamw/second"),
    "optimizer's steps": forget_numbers("optimizer_steps"),
    "dropout's generator": forget_tensors("random/cpu"),
    "epoch": forget_numbers("epoch"),
    "position": forget_numbers("batch_index"),
    "steps": forget_numbers("num_steps"),
    "micro-batch size": forget_numbers("micro_batch_size"),
    "best metric": forget_numbers("best_val_loss", "best_step"),
    "early stopping": forget_numbers("num_worse"),
    "marks of evaluations": forget_numbers("evaluations_done"),
    "the epoch's means": forget_numbers("epoch_loss", "epoch_steps"),
    "halved learning rate": forget_numbers("lr_scale"),
}


WORSENING = {"patience": 4, "learning_rate": 0.3, "num_evals": 15}


@pytest.fixture(scope="module")
def worsening() -> Uninterrupted:
    return Uninterrupted(**WORSENING, lr_scale=0.5)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_state_that_forgets_one_thing_is_noticed(worsening: Uninterrupted, name: str) -> None:
    whole = worsening
    step = next(
        step
        for step, (seen, state) in whole.states.items()
        if step > SPLIT_AT
        and state.train_state.num_worse > 1
        and state.train_state.epoch_steps > 0  # else there are no means to forget
        and any(isinstance(event, EpochDone) for event in whole.events[seen:])  # or to tell
        and isinstance(whole.events[seen], StepDone)
    )
    seen, state = whole.states[step]
    trainer = new_trainer(**WORSENING)
    fresh = trainer.state_dict().clone()
    trainer.load_state_dict(MUTANTS[name](state, fresh))
    try:
        rest = list(events_of(trainer))
    except IndexError:  # a position that no epoch has
        return
    assert rest != whole.events[seen:]
