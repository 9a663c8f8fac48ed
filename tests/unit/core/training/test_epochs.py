"""Which batch comes next, and what an epoch was like."""

from dataclasses import replace

import pytest
import torch

from lumina_cli.core.training.events import (
    EpochDone,
    Finished,
)
from lumina_cli.core.training.step.stepper import Stepper, StepResult
from lumina_cli.data.batches import Batch
from tests.unit.core.training.conftest import encoded, random_text, tiny_model
from tests.unit.core.training.running import make_trainer, run, steps_of


@pytest.mark.parametrize("num_ids", [5, 33, 34, 60, 200])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_as_many_epochs_are_passed_as_were_asked_for(num_ids: int, seed: int) -> None:
    # 33 ids are 4 windows of 8, one batch; with an offset they are 5 windows, two batches.
    text = encoded(list(range(6, 18)) * 20)
    trainer = make_trainer(
        train=replace(text, codes=text.codes[:num_ids]), epochs=3, num_evals=1, seed=seed
    )
    events = run(trainer)
    done = [event for event in events if isinstance(event, EpochDone)]
    assert [event.epoch for event in done] == [0, 1, 2]
    assert done[-1].step == events[-1].step
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == "epochs"


def test_an_epoch_tells_the_means_of_its_steps() -> None:
    events = run(make_trainer(epochs=1))
    steps = steps_of(events)
    (done,) = (event for event in events if isinstance(event, EpochDone))
    assert done.loss == pytest.approx(sum(step.loss for step in steps) / len(steps))
    assert done.accuracy == pytest.approx(sum(step.accuracy for step in steps) / len(steps))


def test_windows_grow_and_a_step_reads_as_much_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[tuple[int, ...]] = []
    real_step = Stepper.step

    def step(stepper: Stepper, batch: Batch, *, lr_factor: float) -> StepResult:
        shapes.append(batch.inputs.shape)
        return real_step(stepper, batch, lr_factor=lr_factor)

    monkeypatch.setattr(Stepper, "step", step)
    text = random_text(3201)
    trainer = make_trainer(train=text, batch_size=4, max_steps=30, start_seq_length=2)
    events = run(trainer)
    assert len(steps_of(events)) == 30
    assert [shape[1] for shape in shapes] == [2] * 10 + [4] * 10 + [8] * 10
    assert {rows * length for rows, length in shapes} == {32}


def test_an_epoch_goes_on_where_it_was_when_windows_grow() -> None:
    events = run(make_trainer(train=random_text(321), epochs=3, start_seq_length=2))
    ends = [event.step for event in events if isinstance(event, EpochDone)]
    assert len(ends) == 3
    assert ends[-1] == pytest.approx(30, abs=3)  # 320 ids to learn, 32 at a step, three times


def test_short_windows_are_cut_in_pieces_of_as_much_text(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    model = tiny_model()
    real = model.hidden

    def hidden(idx: torch.Tensor) -> torch.Tensor:
        if model.training:
            sizes.append(idx.numel())
        return real(idx)

    monkeypatch.setattr(model, "hidden", hidden)
    run(make_trainer(model=model, max_steps=6, start_seq_length=2, micro_batch_size=1))
    assert max(sizes) == 8
