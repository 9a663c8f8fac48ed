"""Real processes train together over gloo, to the result of one."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor
from torch.distributed import HashStore  # type: ignore[attr-defined]

from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.precision import Precision, choose_precision
from lumina_cli.core.seeding import seed_dropout
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.events import BatchSplit, Evaluated, Paced, StepDone, TrainEvent
from lumina_cli.core.training.loop import Trainer
from lumina_cli.core.training.parallel.place import find_place
from lumina_cli.core.training.parallel.processes import Processes
from lumina_cli.core.training.parallel.rank import Rank, on_all
from lumina_cli.core.training.parallel.watch import End, Watch
from lumina_cli.core.training.state import Snapshot
from lumina_cli.errors import GroupError
from tests.unit.core.training.conftest import FP32, random_text, tiny_model
from tests.unit.core.training.parallel.group import CPU, can_fork, run_group

pytestmark = can_fork
TRAIN, VALIDATION = random_text(600), random_text(120, seed=1)
BF16 = choose_precision("bf16", device=CPU)
SETTINGS: dict[str, Any] = {
    "batch_size": 8, "learning_rate": 1e-2, "optimizer": "muon", "epochs": None, "max_steps": 8,
    "num_evals": 2,
}  # fmt: skip
Weights = dict[str, Tensor]
Result = tuple[list[TrainEvent], Weights]


def make_trainer(
    rank: Rank | None = None,
    *,
    dropout: float = 0.0,
    precision: Precision = FP32,
    **changes: Any,
) -> Trainer:
    model = tiny_model(dropout=dropout)
    seed_dropout(0)
    return Trainer(
        model,
        train=TRAIN,
        validation=VALIDATION,
        config=TrainingConfig(**{**SETTINGS, **changes}),
        precision=precision,
        clock=lambda: 0.0,
        rank=rank,
    )


def trained(trainer: Trainer) -> Result:
    events = [event for event in trainer.run() if not isinstance(event, Paced)]
    return events, {name: t.clone() for name, t in trainer.model.state_dict().items()}


def losses(events: list[TrainEvent]) -> list[float]:
    return [event.loss for event in events if isinstance(event, StepDone)]


def nats(events: list[TrainEvent]) -> list[float]:
    return [event.nats_per_char for event in events if isinstance(event, Evaluated)]


def starve(model: Transformer, *, call: int, in_backward: bool = False) -> None:
    """Let memory run out at one of the calls of a model: before backward, or within it."""
    real, calls = model.hidden, []

    def fail(_: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    def hidden(idx: Tensor) -> Tensor:
        if not model.training:
            return real(idx)
        calls.append(idx)
        if len(calls) != call:
            return real(idx)
        if not in_backward:
            fail(idx)
        embedded = model.wte.register_forward_hook(lambda *given: _failing(given[-1]))
        try:
            return real(idx)
        finally:
            embedded.remove()

    model.hidden = hidden  # type: ignore[method-assign]


def _failing(x: Tensor) -> Tensor:
    def fail(_: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    x.register_hook(fail)
    return x


CASES: dict[str, dict[str, Any]] = {
    "muon": {},
    "adamw": {"optimizer": "adamw"},
    "clipped": {"grad_clip": 0.3},
    "accumulated": {"batch_size": 3, "grad_accum": 3, "micro_batch_size": 2},
    "fewer windows than ranks": {"batch_size": 1},
    "growing windows": {"start_seq_length": 2},
}
"""What two and three ranks learn as one does; a third of the text is masked in all of them."""

DROPOUT = {"dropout": 0.2}


def short_of_memory(rank: Rank | None, *, in_backward: int | None, before: int | None) -> Trainer:
    """A run in which memory runs out on one rank within backward, and on one before it."""
    trainer = make_trainer(rank)
    index = 0 if rank is None else rank.index
    if index == before:
        starve(trainer.model, call=4)
    if index == in_backward:
        starve(trainer.model, call=7, in_backward=True)
    return trainer


def on_two(rank: Processes) -> dict[str, Any]:
    rank.stretch = 200  # several stretches even of a tiny model
    results: dict[str, Any] = {
        name: trained(make_trainer(rank, **case)) for name, case in CASES.items()
    }
    results["dropout"] = trained(make_trainer(rank, **DROPOUT))
    results["dropout again"] = trained(make_trainer(rank, **DROPOUT))
    results["bf16"] = trained(make_trainer(rank, precision=BF16))
    results["memory out"] = trained(short_of_memory(rank, in_backward=1, before=0))
    results["resumed"] = trained(begun(rank, **DROPOUT))
    results["first half"] = half_of(make_trainer(rank, **DROPOUT))
    return results


def on_three(rank: Processes) -> dict[str, Any]:
    return {
        "muon": trained(make_trainer(rank)),
        "memory out": trained(short_of_memory(rank, in_backward=2, before=None)),
        "talk": talk(rank),
    }


def talk(rank: Processes) -> dict[str, Any]:
    if rank.index == 1:
        rank.ask("save")
    sums = rank.sum([0.1 * rank.index, 1.0])
    tensors = {"a": torch.arange(3.0) + rank.index, "b": torch.ones(2, 2).bool()}
    return {
        "sums": sums,
        "save": (rank.take("save"), rank.take("save"), rank.take("stop")),
        "told": rank.broadcast({"from": rank.index, "text": ["é", None]}),
        "tensors": dict(rank.broadcast_tensors(tensors if rank.index == 0 else {})),
        "time": rank.time(lambda: 7.0 + rank.index),
        "pace": rank.pace,
        "gathered": rank.gather(torch.arange(5.0)[slice(*BOUNDS[rank.index :][:2])], BOUNDS),
        "short": no_room(rank),
    }


BOUNDS = [0, 1, 1, 5]


def no_room(rank: Processes) -> str:
    """What a rank says of a part that another has no memory to send."""

    class Part(torch.Tensor):
        def cpu(self, *_: Any, **__: Any) -> Tensor:
            raise MemoryError

    part = torch.ones(3)
    try:
        rank.gather(part.as_subclass(Part) if rank.index == 2 else part, [0, 3, 6, 9])
    except torch.OutOfMemoryError as error:
        return str(error)
    return "gathered"


def half_of(trainer: Trainer) -> Snapshot:
    """The state of a run after half of its steps."""
    for event in trainer.run():
        if isinstance(event, StepDone) and event.step == 4:
            break
    return trainer.state_dict().clone()


def begun(rank: Rank | None, **settings: Any) -> Trainer:
    """A run that another process began, alone."""
    half = half_of(make_trainer(**settings))
    trainer = make_trainer(rank, **settings)
    trainer.load_state_dict(half)
    return trainer


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return run_group(on_two, size=2, folder=tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return run_group(on_three, size=3, folder=tmp_path_factory.mktemp("three"))


def assert_within_noise(result: Result, **case: Any) -> None:
    """A result differs from that of one process as that does from itself in other pieces."""
    alone = trained(make_trainer(**case))
    pieces = trained(make_trainer(**{**case, "micro_batch_size": 1}))
    noise = max(distance(alone[1], pieces[1]), 1e-6)
    assert losses(result[0]) == pytest.approx(losses(alone[0]), abs=5e-6)
    assert nats(result[0]) == pytest.approx(nats(alone[0]), abs=5e-6)
    assert distance(result[1], alone[1]) < 5 * noise


def distance(weights: Weights, others: Weights) -> float:
    return max(float((t - others[name]).abs().max()) for name, t in weights.items())


def assert_all_alike(results: list[dict[str, Any]], name: str) -> None:
    """All ranks told the same, and have the same weights to the bit."""
    first = results[0][name]
    for events, weights in (other[name] for other in results[1:]):
        assert events == first[0]
        assert all(torch.equal(t, first[1][key]) for key, t in weights.items())


@pytest.mark.parametrize("name", CASES)
def test_two_learn_what_one_learns(name: str, two: list[dict[str, Any]]) -> None:
    assert_all_alike(two, name)
    assert_within_noise(two[0][name], **CASES[name])


def test_three_learn_what_one_learns(three: list[dict[str, Any]]) -> None:
    assert_all_alike(three, "muon")
    assert_within_noise(three[0]["muon"])


def test_two_learn_what_one_learns_in_bf16(two: list[dict[str, Any]]) -> None:
    assert_all_alike(two, "bf16")
    alone = trained(make_trainer(precision=BF16))
    pieces = trained(make_trainer(precision=BF16, micro_batch_size=4))
    noise = max(abs(a - b) for a, b in zip(losses(alone[0]), losses(pieces[0]), strict=True))
    assert losses(two[0]["bf16"][0]) == pytest.approx(losses(alone[0]), abs=max(2 * noise, 1e-4))


def test_dropout_differs_between_ranks_and_is_the_same_another_time(
    two: list[dict[str, Any]],
) -> None:
    assert_all_alike(two, "dropout")
    events, weights = two[0]["dropout"]
    assert events == two[0]["dropout again"][0]
    assert all(torch.equal(t, two[0]["dropout again"][1][name]) for name, t in weights.items())
    alone = losses(trained(make_trainer(**DROPOUT))[0])
    assert losses(events) != alone
    assert losses(events)[-1] == pytest.approx(alone[-1], abs=0.2)


@pytest.mark.parametrize("group", ["two", "three"])
def test_memory_that_runs_out_on_some_is_survived_by_all(
    group: str, request: pytest.FixtureRequest
) -> None:
    results = request.getfixturevalue(group)
    assert_all_alike(results, "memory out")
    result = results[0]["memory out"]
    assert_within_noise(result)
    splits = [event for event in result[0] if isinstance(event, BatchSplit)]
    assert [event.micro_batch_size for event in splits] == ([4, 2] if group == "two" else [4])


def test_a_run_begun_by_one_goes_on_with_two_and_ends_with_one(two: list[dict[str, Any]]) -> None:
    half, first = half_of(make_trainer(**DROPOUT)), two[0]["first half"]
    assert_all_alike(two, "resumed")
    again = make_trainer(**DROPOUT)
    again.load_state_dict(first)
    assert len(losses(trained(again)[0])) == 4
    shapes = [{name: t.shape for name, t in each.tensors.items()} for each in (first, half)]
    assert shapes[0] == shapes[1]
    assert len(losses(two[0]["resumed"][0])) == 4


def test_what_is_told_is_the_same_on_all(three: list[dict[str, Any]]) -> None:
    talks = [result["talk"] for result in three]
    assert [talk["sums"] for talk in talks] == [[0.0 + 0.1 + 0.2, 3.0]] * 3
    assert [talk["save"] for talk in talks] == [(True, False, False)] * 3
    assert [talk["told"] for talk in talks] == [{"from": 0, "text": ["é", None]}] * 3
    assert [talk["time"] for talk in talks] == [7.0] * 3
    for talk in talks:
        assert talk["tensors"]["a"].tolist() == [0.0, 1.0, 2.0]
        assert talk["tensors"]["b"].dtype == torch.bool
        assert talk["pace"].num_ranks == 3
        assert 0 <= talk["pace"].waiting <= 1


def test_the_first_gathers_parts_of_any_size(three: list[dict[str, Any]]) -> None:
    gathered = [result["talk"]["gathered"].tolist() for result in three]
    assert gathered == [[0.0, 1.0, 2.0, 3.0, 4.0], [], [1.0, 2.0, 3.0, 4.0]]


def test_nobody_waits_for_a_part_that_there_is_no_memory_to_send(
    three: list[dict[str, Any]],
) -> None:
    assert [result["talk"]["short"] for result in three] == ["out of memory"] * 3


class Watcher:
    """Looks after nobody, and says so."""

    is_beside_first = False

    def find_lost(self) -> End:
        return End(1, "is out of step with the others")


def test_no_rank_goes_on_where_memory_ran_out_while_it_told_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = find_place({"RANK": "1", "WORLD_SIZE": "2", "MASTER_PORT": "1"})
    assert place is not None
    rank = Processes(place, HashStore(), watch=cast(Watch, Watcher()), device=CPU)
    monkeypatch.setattr(rank, "_connect", lambda: None)

    def fail(*_: object, **__: object) -> Tensor:
        raise MemoryError

    monkeypatch.setattr(torch, "tensor", fail)
    with pytest.raises(GroupError, match="rank 1 is out of step"):
        on_all(lambda: "done", rank=rank)


def test_who_has_its_turn_is_not_asked_of_a_store_that_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = find_place({"RANK": "1", "WORLD_SIZE": "2", "MASTER_PORT": "1"})
    assert place is not None
    store = HashStore()
    rank = Processes(place, store, watch=cast(Watch, Watcher()), device=CPU)

    def fail(*_: object) -> int:
        raise RuntimeError("Connection reset by peer")

    monkeypatch.setattr(rank, "_store", SimpleNamespace(add=fail))
    with pytest.raises(GroupError, match="rank 1 is out of step"):
        rank.in_turn(lambda: "done")


MACHINES = ("a", "b", "a", "b", "b")


def take_turns(rank: Processes) -> tuple[int, bool]:
    """As which of its machine a rank acts, and whether another had done so before it began."""
    store, machine = rank._store, MACHINES[rank.index]

    def action() -> tuple[int, bool]:
        was_over = store.check([f"over/{machine}"])
        number = store.add(f"acts/{machine}", 1)
        store.set(f"over/{machine}", "1")
        return number, was_over

    return rank.in_turn(action)


def test_on_each_machine_one_acts_before_the_others(tmp_path: Path) -> None:
    turns = run_group(take_turns, size=5, folder=tmp_path, machines=MACHINES)
    assert turns[0] == (1, False)  # the first rank, which is the one that tells
    for machine in "ab":
        of_machine = sorted(turn for turn, at in zip(turns, MACHINES, strict=True) if at == machine)
        assert of_machine == [(1, False), (2, True), (3, True)][: len(of_machine)]
