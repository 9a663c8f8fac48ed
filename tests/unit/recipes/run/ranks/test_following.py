"""Ranks that save together: the first writes what each of them has a part of."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lumina_cli.core.checkpoint.model_file import load_checkpoint
from lumina_cli.core.training.events import StepDone
from lumina_cli.core.training.optim import adamw
from lumina_cli.core.training.parallel import processes
from lumina_cli.core.training.parallel.processes import Processes
from lumina_cli.core.training.parallel.rank import Rank, on_all
from lumina_cli.recipes.run.events import CheckpointSaved, SaveFailed
from lumina_cli.recipes.train import compute
from lumina_cli.recipes.train.pretrain import pretrain
from lumina_cli.recipes.train.resume import find_run
from tests.unit.core.training.parallel.group import can_fork, run_group
from tests.unit.recipes.tiny import tiny_run

pytestmark = can_fork
ASKED_AT = (4, 5)


def go_on(rank: Processes, *, model: Path, max_steps: int, is_harmed: bool = False) -> Any:
    """Go on with a run: rank 1 asks for checkpoints, and rank 2 has no memory for the first."""
    adamw.SHARED_FROM = 0
    compute.join = lambda _: rank
    if is_harmed:
        processes.on_all = short_once  # type: ignore[assignment]
    resumed = find_run(None, out=model, default_out=model, flags={"max_steps": max_steps})
    run = pretrain(resumed.settings, data=resumed.data, out=resumed.out, resumed=resumed)
    told = []
    for event in run.run():
        told.append(event)
        if is_harmed and isinstance(event, StepDone) and event.step in ASKED_AT and rank.index == 1:
            run.request_checkpoint()
    state = run.trainer.stepper.optimizers.state()
    saves = [event for event in told if isinstance(event, CheckpointSaved | SaveFailed)]
    return saves, {name: part.own.clone() for name, part in state.items()}


def short_once(action: Callable[[], Tensor], *, rank: Rank) -> Tensor:
    """Let memory run out on the last rank, the first time that a part is asked for."""
    processes.on_all = on_all

    def fail() -> Tensor:
        raise MemoryError

    return on_all(fail if rank.index == rank.world_size - 1 else action, rank=rank)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of a run that one process has begun."""
    folder = tmp_path_factory.mktemp("run")
    list(tiny_run(folder, max_steps=3, optimizer="muon", save_every="1000").run())
    return folder / "Model.pth"


@pytest.fixture(scope="module")
def three(model: Path) -> list[Any]:
    """Three ranks go on with it."""
    work = partial(go_on, model=model, max_steps=7, is_harmed=True)
    return run_group(work, size=3, folder=model.parent)


def test_a_save_that_one_has_no_memory_for_is_told_and_the_next_one_is_done(
    three: list[Any],
) -> None:
    saves, _ = three[0]
    assert saves[0] == SaveFailed(5, "there is no memory to save with")
    assert [event.step for event in saves[1:]] == [6, 7]
    assert [saves for saves, _ in three[1:]] == [[], []]


def test_a_checkpoint_is_whole_and_any_number_of_ranks_goes_on_with_it(
    model: Path, three: list[Any]
) -> None:
    saved = load_checkpoint(model.parent / "Model.run" / "checkpoints" / "step-00000007.pth")
    for name in three[0][1]:
        parts = [own[name] for _, own in three]
        assert torch.equal(torch.cat(parts), saved.tensors[f"optimizer/{name}"])
    two = run_group(partial(go_on, model=model, max_steps=9), size=2, folder=model.parent)
    assert [event.step for event in two[0][0]] == [9]
    go_on_alone = find_run(None, out=model, default_out=model, flags={"max_steps": 10})
    run = pretrain(go_on_alone.settings, data=go_on_alone.data, out=model, resumed=go_on_alone)
    assert [event.step for event in run.run() if isinstance(event, StepDone)] == [10]
