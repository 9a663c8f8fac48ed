"""The best model so far, as it is saved."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lumina_cli.core.checkpoint.model_file import load_model
from lumina_cli.core.training.validation.retention import RetentionLimit
from lumina_cli.errors import StorageError
from lumina_cli.recipes.run.events import Saved, SaveFailed
from lumina_cli.recipes.run.saving import best_model as module
from lumina_cli.recipes.run.saving.best_model import BestModelSaver, deployable
from lumina_cli.recipes.train.job import TrainJob
from tests.unit.recipes.tiny import evaluated, tiny_run


@pytest.fixture
def saver(tmp_path: Path) -> BestModelSaver:
    return tiny_run(tmp_path).best_model


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A disk that is full until this is undone."""

    def fail(*_: object, **__: object) -> None:
        raise StorageError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(module, "save_model", fail)
        yield patch


def weights_of(job: TrainJob) -> torch.Tensor:
    return load_model(job.out).model.wte.weight


def test_the_model_is_saved_with_what_was_measured(saver: BestModelSaver) -> None:
    job = saver.job
    assert saver.save(evaluated(7, nats_per_char=1.25)) == Saved(7, job.out)
    found = load_model(job.out)
    assert torch.equal(found.model.wte.weight, job.model.wte.weight)
    assert (found.metadata["steps"], found.metadata["val_nats_per_char"]) == (7, 1.25)
    assert found.draft is not None
    assert list(saver.save_pending()) == []


def test_what_the_disk_had_no_room_for_is_saved_later_as_it_was(
    saver: BestModelSaver, full_disk: pytest.MonkeyPatch
) -> None:
    job = saver.job
    best = job.model.wte.weight.detach().clone()
    assert saver.save(evaluated(7)) == SaveFailed(7, "the disk is full")
    assert list(saver.save_pending()) == []  # the disk is known to be full
    with torch.no_grad():
        job.model.wte.weight += 1.0  # training goes on
    full_disk.undo()
    saver.saver.num_failures = 0  # a checkpoint was saved meanwhile
    assert list(saver.save_pending()) == [Saved(7, job.out)]
    assert torch.equal(weights_of(job), best)
    assert list(saver.save_pending()) == []


def test_the_draft_is_counted_once(saver: BestModelSaver, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[object] = []
    build = module.build_draft

    def count(*args: object, **options: object) -> object:
        counted.append(args)
        return build(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "build_draft", count)
    for step in (1, 2, 3):
        saver.save(evaluated(step))
    assert len(counted) == 1


@pytest.mark.parametrize("share", [1.0, 0.25])
def test_what_is_used_afterwards_lies_between_the_base_and_what_was_learnt(
    saver: BestModelSaver, share: float
) -> None:
    job = saver.job
    base = {name: tensor - 4.0 for name, tensor in job.model.state_dict().items()}
    job = replace(job, retention=RetentionLimit(base_weights=base))
    weights = deployable(job, job.model, share=share).wte.weight
    expected = job.model.wte.weight - 4.0 * (1 - share)
    torch.testing.assert_close(weights, expected)
