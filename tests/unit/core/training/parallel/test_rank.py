"""Several ranks train as one: two in two threads, which know of each other by the seam alone."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from torch import Tensor

from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.events import (
    BatchSplit,
    CompileFailed,
    Evaluated,
    Finished,
    RolledBack,
    Sampled,
    StepDone,
    StepSkipped,
    TrainEvent,
)
from lumina_cli.core.training.loop import Trainer
from lumina_cli.core.training.parallel.rank import ALONE, Rank, on_all, own_rows
from lumina_cli.core.training.state import of_first
from lumina_cli.core.training.step import compiled
from lumina_cli.core.training.validation.retention import RetentionLimit
from lumina_cli.data.batches import cut_windows
from tests.unit.core.training.conftest import FP32, random_text, tiny_model

T = TypeVar("T")
TRAIN, VALIDATION, OLD = random_text(300), random_text(90, seed=1), random_text(50, seed=2)
NUM_RANKS = 2
PATIENCE_S = 60.0
"""After which a rank that waits in vain for the others gives up, and the test fails."""


class Group:
    """The ranks of one process: all put what they have on the table, then all take it."""

    def __init__(self) -> None:
        self._barrier = threading.Barrier(NUM_RANKS, timeout=PATIENCE_S)
        self._table: list[tuple[str, Any]] = [("", None)] * NUM_RANKS

    def exchange(self, index: int, kind: str, value: T) -> list[T]:
        self._table[index] = (kind, value)
        self._barrier.wait()
        kinds, values = zip(*self._table, strict=True)
        self._barrier.wait()
        assert set(kinds) == {kind}, f"ranks are not at the same place: {kinds}"
        return list(values)

    def leave(self) -> None:
        self._barrier.abort()


class Member:
    """One rank of a group."""

    world_size = NUM_RANKS
    pace = None

    def __init__(self, group: Group, index: int) -> None:
        self._group = group
        self.index = index
        self._asked = self._is_asked = False

    def gradient_sum(self, parameters: Any, gradients: Sequence[Tensor]) -> "Gradients":
        return Gradients(self, gradients)

    def all_reduce(self, tensor: Tensor) -> None:
        assert tensor.is_contiguous()
        first, second = self._group.exchange(self.index, "all_reduce", tensor.clone())
        tensor.copy_(first + second)

    def own_draws(self, device: torch.device) -> Any:
        return nullcontext()

    def sum(self, values: Any) -> list[float]:
        told = [*map(float, values), float(self._asked)]
        parts = self._group.exchange(self.index, "sum", told)
        *sums, num_asked = [sum(column) for column in zip(*parts, strict=True)]
        self._is_asked |= num_asked > 0
        return sums

    def share(self, tensor: Tensor, bounds: Sequence[int]) -> None:
        mine = tensor[bounds[self.index] : bounds[self.index + 1]].clone()
        tensor.copy_(torch.cat(self._group.exchange(self.index, "share", mine)))

    def gather(self, part: Tensor, bounds: Sequence[int]) -> Tensor:
        whole = torch.cat(self._group.exchange(self.index, "gather", part))
        assert len(whole) == bounds[-1]
        return whole if self.index == 0 else part

    def broadcast_tensors(self, tensors: Any) -> Any:
        return self.broadcast(tensors)

    def time(self, clock: Callable[[], float]) -> float:
        return self.broadcast(clock())

    def ask(self, request: str) -> None:
        self._asked = True

    def take(self, request: str) -> bool:
        return self._is_asked

    def broadcast(self, value: T) -> T:
        return self._group.exchange(self.index, "broadcast", value)[0]


class Gradients:
    """Sums gradients at the end of a step."""

    def __init__(self, member: Member, gradients: Sequence[Tensor]) -> None:
        self._member = member
        self._gradients = gradients

    def begin(self) -> None:
        pass

    def finish(self) -> None:
        for gradient in self._gradients:
            self._member.all_reduce(gradient)


def make_trainer(rank: Rank | None = None, **given: Any) -> Trainer:
    outside = {name: given.pop(name) for name in OUTSIDE & given.keys()}
    settings = {"batch_size": 5, "learning_rate": 1e-2, "epochs": None, "max_steps": 10, **given}
    return Trainer(
        tiny_model(),
        train=TRAIN,
        validation=VALIDATION,
        config=TrainingConfig(**settings),
        precision=FP32,
        rank=rank,
        **{"clock": lambda: 0.0, **outside},
    )


OUTSIDE = {"clock", "seconds", "sample", "load_last_good", "compiles", "measures_less", "retention"}


def run_together(make: Callable[[Rank], Trainer]) -> tuple[list[TrainEvent], ...]:
    """Return what each of the ranks told."""
    group = Group()

    def run(index: int) -> list[TrainEvent]:
        try:
            return list(make(Member(group, index)).run())
        except BaseException:
            group.leave()
            raise

    with ThreadPoolExecutor(NUM_RANKS) as pool:
        return tuple(pool.map(run, range(NUM_RANKS)))


def of_kind(events: list[TrainEvent], kind: type[T]) -> list[T]:
    return [event for event in events if isinstance(event, kind)]


def losses(events: list[TrainEvent]) -> list[float]:
    return [event.loss for event in of_kind(events, StepDone)]


def fail(model: Transformer, *, when: Callable[[int], bool], error: Exception) -> None:
    """Let some of the calls of a model fail, counted from 1; evaluations apart."""
    real, calls = model.hidden, []

    def hidden(idx: Tensor) -> Tensor:
        if model.training:
            calls.append(idx)
            if when(len(calls)):
                raise error
        return real(idx)

    model.hidden = hidden  # type: ignore[method-assign]


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("grad_clip", [1e9, 0.3])
def test_two_learn_what_one_learns(optimizer: str, grad_clip: float) -> None:
    settings = {"optimizer": optimizer, "grad_clip": grad_clip, "num_evals": 3}
    alone = list(make_trainer(**settings).run())
    first, second = run_together(lambda rank: make_trainer(rank, **settings))
    assert first == second
    assert losses(first) == pytest.approx(losses(alone), abs=1e-5)
    nats = [[event.nats_per_char for event in of_kind(e, Evaluated)] for e in (first, alone)]
    assert nats[0] == pytest.approx(nats[1], abs=1e-5)
    assert [type(event) for event in first] == [type(event) for event in alone]


def test_each_learns_from_its_own_windows_and_all_from_the_whole_batch() -> None:
    batch = cut_windows(TRAIN, np.arange(0, 56, 8), seq_length=8)  # 7 windows
    parts = [own_rows(batch, rank=Member(Group(), index)) for index in range(NUM_RANKS)]
    assert [len(part.inputs) for part in parts] == [3, 4]
    assert (np.concatenate([part.inputs for part in parts]) == batch.inputs).all()


def test_one_that_is_told_to_stop_stops_all() -> None:
    def make(rank: Rank) -> Trainer:
        trainer = make_trainer(rank)
        if rank.index == 1:
            trainer.stepper.step = stopping(trainer, trainer.stepper.step)  # type: ignore[method-assign]
        return trainer

    def stopping(trainer: Trainer, step: Callable[..., Any]) -> Callable[..., Any]:
        def stopped(*args: Any, **kwargs: Any) -> Any:
            if trainer.num_steps == 3:
                trainer.stop()
            return step(*args, **kwargs)

        return stopped

    first, second = run_together(make)
    assert first == second
    (finished,) = of_kind(first, Finished)
    assert (finished.reason, finished.step) == ("interrupted", 4)


def test_all_go_by_the_clock_of_the_first() -> None:
    looked = {0: 0, 1: 0}

    def make(rank: Rank) -> Trainer:
        def clock() -> float:
            looked[rank.index] += 1
            return looked[rank.index] * (0.25, 7.0)[rank.index] + (0.0, 1e6)[rank.index]

        return make_trainer(
            rank,
            clock=clock,
            seconds=40.0,
            max_steps=None,
            measures_less=True,
            sample=lambda _: [f"said by {rank.index}"],
        )

    first, second = run_together(make)
    assert first == second
    (finished,) = of_kind(first, Finished)
    assert finished.reason == "minutes"
    assert finished.elapsed_s == pytest.approx(40.0, abs=1.0)
    assert {event.text for event in of_kind(first, Sampled)} == {"said by 0"}
    assert len(of_kind(first, Evaluated)) > 2


@pytest.mark.parametrize("short", [0, 1])
def test_memory_that_runs_out_on_one_is_survived_by_all(short: int) -> None:
    def make(rank: Rank) -> Trainer:
        trainer = make_trainer(rank, optimizer="muon")
        if rank.index == short:
            error = torch.OutOfMemoryError("CUDA out of memory")
            fail(trainer.model, when=lambda call: call == 4, error=error)
        return trainer

    first, second = run_together(make)
    assert first == second
    assert of_kind(first, BatchSplit) == [BatchSplit(4, 3)]
    assert losses(first) == pytest.approx(
        losses(list(make_trainer(optimizer="muon").run())), abs=1e-5
    )


def test_memory_may_run_out_where_one_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(rank: Rank) -> Trainer:
        trainer = make_trainer(rank, num_evals=1, batch_size=4)
        real = trainer.model.hidden
        base = {name: t.clone() for name, t in trainer.model.state_dict().items()}
        trainer.validator.retention = RetentionLimit([OLD], base)

        def hidden(idx: Tensor) -> Tensor:
            if not trainer.model.training and rank.index == 1 and len(idx) == 4:
                raise torch.OutOfMemoryError
            return real(idx)

        trainer.model.hidden = hidden  # type: ignore[method-assign]
        return trainer

    first, second = run_together(make)
    assert first == second
    assert BatchSplit(0, 2) in first


def test_what_is_no_number_on_one_is_skipped_by_all_and_they_go_back_together() -> None:
    def make(rank: Rank) -> Trainer:
        trainer = make_trainer(rank)
        good = trainer.state_dict().clone()
        trainer.load_last_good = lambda: of_first(lambda: good, rank=rank)
        real, calls = trainer.model.hidden, []

        def hidden(idx: Tensor) -> Tensor:
            if trainer.model.training:
                calls.append(idx)
            is_bad = trainer.model.training and rank.index == 1 and 3 <= len(calls) <= 5
            return real(idx) * (torch.nan if is_bad else 1)

        trainer.model.hidden = hidden  # type: ignore[method-assign]
        return trainer

    first, second = run_together(make)
    assert first == second
    assert len(of_kind(first, StepSkipped)) == 3
    assert [event.step for event in of_kind(first, RolledBack)] == [0]


def test_a_compiler_that_fails_on_one_is_given_up_by_all(monkeypatch: pytest.MonkeyPatch) -> None:
    fails = {"0": False, "1": True}

    def compile_(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def call(*args: Any, **kwargs: Any) -> Tensor:
            if fails[threading.current_thread().name]:
                raise RuntimeError("no compiler here")
            return function(*args, **kwargs)

        return call

    def make(rank: Rank) -> Trainer:
        threading.current_thread().name = str(rank.index)
        return make_trainer(rank, compiles=True)

    monkeypatch.setattr(compiled.torch, "compile", compile_)
    first, second = run_together(make)
    assert [event.step for event in of_kind(first, CompileFailed)] == [1]
    assert of_kind(second, CompileFailed) == [CompileFailed(1, "no compiler here")]
    assert losses(first) == losses(second)
    assert losses(first) == pytest.approx(losses(list(make_trainer().run())), abs=1e-5)


def test_what_only_one_has_no_memory_for_is_an_error_on_all() -> None:
    group = Group()

    def attempt(index: int) -> str:
        def action() -> str:
            if index == 1:
                raise MemoryError
            return "done"

        try:
            return on_all(action, rank=Member(group, index))
        except torch.OutOfMemoryError:
            return "out of memory"

    with ThreadPoolExecutor(NUM_RANKS) as pool:
        assert list(pool.map(attempt, range(NUM_RANKS))) == ["out of memory"] * 2
    assert on_all(lambda: None, rank=ALONE) is None
