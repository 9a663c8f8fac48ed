"""Ranks that remember a part each learn, to the bit, what ranks do of which each remembers all."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from lumina_cli.core.model.peft import apply_peft
from lumina_cli.core.model.peft_config import PeftConfig
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.precision import choose_precision
from lumina_cli.core.seeding import seed_dropout
from lumina_cli.core.training import loop
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.events import BatchSplit, RolledBack, StepDone, StepSkipped
from lumina_cli.core.training.loop import Trainer
from lumina_cli.core.training.optim import adamw, muon
from lumina_cli.core.training.optim.optimizers import build_optimizers
from lumina_cli.core.training.parallel.processes import Processes
from lumina_cli.core.training.parallel.rank import Rank
from lumina_cli.core.training.state import OPTIMIZER, Snapshot, of_first
from tests.unit.core.training.conftest import random_text, tiny_model
from tests.unit.core.training.parallel.group import CPU, can_fork, run_group

pytestmark = can_fork
TRAIN, VALIDATION = random_text(300), random_text(40, seed=1)
SIZE = 3
Tensors = dict[str, Tensor]


def make_trainer(
    rank: Rank | None = None,
    *,
    model: Transformer | None = None,
    precision: str = "fp32",
    **changes: Any,
) -> Trainer:
    seed_dropout(0)
    given = {"batch_size": 6, "learning_rate": 1e-2, "epochs": None, "max_steps": 4, "num_evals": 1}
    return Trainer(
        model or tiny_model(),
        train=TRAIN,
        validation=VALIDATION,
        config=TrainingConfig.model_validate({**given, **changes}),
        precision=choose_precision(precision, device=CPU),
        clock=lambda: 0.0,
        rank=rank,
    )


def spoilt(trainer: Trainer, *, harm: Callable[[int, Tensor], Tensor]) -> Trainer:
    """A trainer whose model is harmed in some of its calls, counted from 1, evaluations apart."""
    model, calls = trainer.model, []
    real = model.hidden

    def hidden(idx: Tensor) -> Tensor:
        if model.training:
            calls.append(idx)
            return harm(len(calls), real(idx))
        return real(idx)

    model.hidden = hidden  # type: ignore[method-assign]
    return trainer


def short_of_memory(rank: Processes) -> Trainer:
    def starve(call: int, states: Tensor) -> Tensor:
        if call == 3 and rank.index == 1:
            raise torch.OutOfMemoryError
        return states

    return spoilt(make_trainer(rank, optimizer="muon", grad_clip=0.3), harm=starve)


def going_back(rank: Processes) -> Trainer:
    """A run of which three steps are no numbers, so that it goes back to the second one."""
    trainer = spoilt(
        make_trainer(rank, max_steps=5),
        harm=lambda call, states: states * (torch.nan if 4 <= call <= 6 else 1),
    )
    trainer.load_last_good = lambda: of_first(lambda: trainer.good, rank=rank)  # type: ignore[attr-defined]
    return trainer


def with_adapters(rank: Processes) -> Trainer:
    peft = PeftConfig(lora_rank=1, frozen_layers=1)
    model = apply_peft(tiny_model(), peft, generator=torch.Generator().manual_seed(1))
    return make_trainer(rank, model=model)


CASES: dict[str, Callable[[Processes], Trainer]] = {
    "clipped, growing windows, bf16": partial(
        make_trainer, precision="bf16", grad_clip=0.3, start_seq_length=2
    ),
    "muon, short of memory": short_of_memory,
    "going back": going_back,
    "adapters": with_adapters,
}
HAPPENED: dict[str, set[type]] = {
    "muon, short of memory": {BatchSplit},
    "going back": {StepSkipped, RolledBack},
}


def learn(rank: Processes) -> dict[str, Any]:
    """Each case with the state in parts, and with all of it on each rank."""
    adamw.SHARED_FROM = 0
    muon.CHUNK["cpu"] = 1  # products of more matrices at once are rounded otherwise
    results: dict[str, Any] = {name: trained(make(rank)) for name, make in CASES.items()}
    loop.build_optimizers = lambda model, *, config, rank: build_optimizers(model, config=config)  # type: ignore[attr-defined]
    whole = {f"{name}, whole": trained(make(rank)) for name, make in CASES.items()}
    return results | whole


def trained(trainer: Trainer) -> dict[str, Any]:
    told = []
    for event in trainer.run():
        told.append(event)
        if isinstance(event, StepDone) and event.step == 2:
            trainer.good = trainer.state_dict().clone()  # type: ignore[attr-defined]
    end = trainer.state_dict()
    own = {name: part.own for name, part in trainer.stepper.optimizers.state().items()}
    return {
        "kinds": {type(event) for event in told},
        "weights": {name: t.clone() for name, t in trainer.model.state_dict().items()},
        "end": end.clone(),
        "own": {name: t.clone() for name, t in own.items()},
    }


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return run_group(learn, size=SIZE, folder=tmp_path_factory.mktemp("ranks"))


def assert_equal(ours: Tensors, theirs: Tensors) -> None:
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name]), name


@pytest.mark.parametrize("name", CASES)
def test_parts_are_to_the_bit_what_the_whole_is(name: str, ranks: list[dict[str, Any]]) -> None:
    whole = ranks[0][f"{name}, whole"]
    assert HAPPENED.get(name, set()) <= whole["kinds"]
    for rank in ranks:
        assert rank[name]["kinds"] == whole["kinds"]
        assert_equal(rank[name]["weights"], whole["weights"])
    assert_equal(ranks[0][name]["end"].tensors, whole["end"].tensors)


@pytest.mark.parametrize("name", CASES)
def test_no_rank_remembers_more_than_its_part(name: str, ranks: list[dict[str, Any]]) -> None:
    for key, whole in ranks[0][f"{name}, whole"]["own"].items():
        parts = [rank[name]["own"][key] for rank in ranks]
        assert torch.equal(torch.cat(parts), whole)


@pytest.mark.parametrize("name", ["clipped, growing windows, bf16", "muon, short of memory"])
def test_what_is_saved_is_the_state_of_one(name: str, ranks: list[dict[str, Any]]) -> None:
    saved: Snapshot = ranks[0][name]["end"]
    optimizer = "muon" if "muon" in name else "adamw"
    one = make_trainer(optimizer=optimizer)
    one.load_state_dict(saved)
    assert_equal(one.state_dict().tensors, saved.tensors)
    assert any(name.startswith(OPTIMIZER) for name in saved.tensors)
