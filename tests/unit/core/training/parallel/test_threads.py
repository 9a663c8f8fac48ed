"""Threads that share a step: the same gradient, and the same numbers every time."""

import gc
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from lumina_cli.core.model.kernels.dropout import use_generator
from lumina_cli.core.model.peft import apply_peft
from lumina_cli.core.model.peft_config import PeftConfig
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.precision import Precision
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.events import StepDone
from lumina_cli.core.training.loop import Trainer
from lumina_cli.core.training.parallel import threads as workers_module
from lumina_cli.core.training.parallel.threads import (
    fewest_to_share,
    is_worth_sharing,
    least_chars,
    num_workers,
    start_workers,
    windows_at_once,
)
from lumina_cli.core.training.step.compiled import Compiled
from lumina_cli.core.training.step.stepper import Stepper, StepResult
from lumina_cli.data.batches import cut_windows
from tests.unit.core.training.conftest import FP32, make_stepper, random_text, tiny_model

pytestmark = pytest.mark.usefixtures("two_threads")

BATCH = cut_windows(random_text(60), np.arange(0, 56, 8), seq_length=8)  # 7 windows
BF16 = Precision("bf16", "emulated, for the tests", "cpu")


def alone(model: Transformer, **settings: Any) -> Stepper:
    """A stepper that has no workers, whatever the number of threads."""
    stepper = make_stepper(model, **settings)
    stepper.workers = None
    return stepper


def gradients(model: Transformer) -> Tensor:
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def weights(model: Transformer) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("num_windows", [2, 5, 7])
@pytest.mark.parametrize("micro_batch_size", [2, 3, 7])
@pytest.mark.parametrize("threads", [2, 4])
def test_workers_find_the_gradient_that_one_finds(
    num_windows: int, micro_batch_size: int, threads: int
) -> None:
    torch.set_num_threads(threads)
    batch = BATCH.rows(0, num_windows)
    one, shared = tiny_model(position_encoding="rotary"), tiny_model(position_encoding="rotary")
    expected = alone(one, label_smoothing=0.1).step(batch, lr_factor=0.0)
    stepper = make_stepper(shared, label_smoothing=0.1, micro_batch_size=micro_batch_size)
    assert stepper.workers is not None
    assert stepper.workers.count == threads
    result = stepper.step(batch, lr_factor=0.0)
    assert (gradients(shared) - gradients(one)).norm() <= 1e-6 * gradients(one).norm()
    assert result.loss == pytest.approx(expected.loss, rel=1e-6)
    assert result.accuracy == expected.accuracy


def test_each_learns_from_its_own_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int, int]] = []
    both = threading.Barrier(2, timeout=10)
    real = Transformer.hidden

    def hidden(self: Transformer, idx: Tensor) -> Tensor:
        both.wait()  # else the first may be done with its part, and do the other's, at once
        seen.append((threading.current_thread().name, len(idx), torch.get_num_threads()))
        return real(self, idx)

    monkeypatch.setattr(Transformer, "hidden", hidden)
    make_stepper(tiny_model(), micro_batch_size=4).step(BATCH, lr_factor=0.0)
    assert len({name for name, _, _ in seen}) == 2
    assert sorted(size for _, size, _ in seen) == [1, 2, 2, 2]  # 3 windows and 4, two at once
    assert {threads for _, _, threads in seen} == {1}
    seen.clear()
    make_stepper(tiny_model(), micro_batch_size=7).step(BATCH, lr_factor=0.0)
    assert sorted(size for _, size, _ in seen) == [3, 4]  # no second piece for what is left over


def threads_of_later_threads() -> int:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()


@pytest.mark.parametrize("threads", [2, 8])
def test_workers_have_equal_shares_of_the_threads_and_others_keep_all(threads: int) -> None:
    torch.set_num_threads(threads)
    workers = start_workers(tiny_model())
    assert workers is not None
    count = workers.count
    shares = workers.run(lambda *_: torch.get_num_threads(), [None] * count)
    assert shares == [threads // count] * count
    assert torch.get_num_threads() == threads_of_later_threads() == threads


@pytest.mark.parametrize(
    ("num_windows", "seq_length", "is_worth_it"),
    [
        (2, 512, True),
        (3, 512, False),  # two for one, one for the other
        (7, 512, False),
        (9, 512, True),
        (16, 32, True),
        (16, 16, False),  # too little to do
    ],
)
def test_what_is_worth_sharing(
    monkeypatch: pytest.MonkeyPatch, num_windows: int, seq_length: int, is_worth_it: bool
) -> None:
    monkeypatch.undo()
    assert is_worth_sharing(num_windows, seq_length, count=2, least=256) == is_worth_it


@pytest.mark.parametrize(
    ("hidden_size", "precision", "least"),
    [(64, FP32, 512), (512, FP32, 256), (64, BF16, 4_096), (192, BF16, 1_366), (512, BF16, 1_024)],
)
def test_narrow_models_and_bf16_need_more_for_sharing_to_pay(
    monkeypatch: pytest.MonkeyPatch, hidden_size: int, precision: Precision, least: int
) -> None:
    monkeypatch.undo()
    assert least_chars(hidden_size, precision) == least


@pytest.mark.parametrize("seq_length", [16, 100, 256, 512])
def test_the_fewest_windows_that_are_shared(
    monkeypatch: pytest.MonkeyPatch, seq_length: int
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(workers_module, "_num_cores", lambda: 2)
    cpu = torch.device("cpu")
    fewest = fewest_to_share(cpu, seq_length=seq_length, least=256)
    assert is_worth_sharing(fewest, seq_length, count=2, least=256)
    assert not is_worth_sharing(fewest - 2, seq_length, count=2, least=256)
    torch.set_num_threads(1)
    assert fewest_to_share(cpu, seq_length=seq_length, least=256) == 1


@pytest.mark.parametrize(("num_windows", "shares"), [(15, False), (16, True)])
def test_a_step_in_bf16_is_shared_only_where_each_worker_has_enough(
    monkeypatch: pytest.MonkeyPatch, num_windows: int, shares: bool
) -> None:
    monkeypatch.setattr(workers_module, "LEAST_IN_FP32", workers_module.Least(1, 1))
    monkeypatch.setattr(workers_module, "LEAST_IN_BF16", workers_module.Least(64, 1))
    stepper = make_stepper(tiny_model(), precision=BF16, micro_batch_size=num_windows)
    assert stepper.workers is not None
    seen: list[int] = []
    run = stepper.workers.run

    def spy(work: Any, parts: Any) -> Any:
        seen.extend(len(part.inputs) for part in parts)
        return run(work, parts)

    monkeypatch.setattr(stepper.workers, "run", spy)
    text = cut_windows(random_text(200), np.arange(0, 8 * num_windows, 8), seq_length=8)
    stepper.step(text, lr_factor=1.0)
    assert bool(seen) == shares


def learnt(stepper: Stepper, *, num_steps: int = 20) -> tuple[list[StepResult], Tensor]:
    torch.manual_seed(3)
    results = [stepper.step(BATCH, lr_factor=1.0) for _ in range(num_steps)]
    return results, weights(stepper.model)


def test_what_is_dropped_depends_on_the_seed_alone() -> None:
    first, second = (learnt(make_stepper(tiny_model(dropout=0.3))) for _ in range(2))
    assert first[0] == second[0]
    assert torch.equal(first[1], second[1])


def test_each_worker_and_each_step_drops_other_numbers() -> None:
    window = torch.from_numpy(BATCH.inputs[:1])
    workers = start_workers(tiny_model(dropout=0.5))
    assert workers is not None

    def mean(model: Transformer, part: Tensor) -> float:
        return model(part).mean().item()

    means = [workers.run(mean, [window, window]) for _ in range(2)]
    assert len({*means[0], *means[1]}) == 4


def test_autocast_reaches_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    dtypes = []
    real = torch.nn.Linear.forward

    def forward(self: torch.nn.Linear, x: Tensor) -> Tensor:
        y = real(self, x)
        dtypes.append(y.dtype)
        return y

    monkeypatch.setattr(torch.nn.Linear, "forward", forward)
    make_stepper(tiny_model(), precision=BF16).step(BATCH, lr_factor=0.0)
    assert set(dtypes) == {torch.bfloat16}


@pytest.mark.parametrize("position_encoding", ["sinusoidal", "rotary"])
def test_gradients_in_bf16_differ_by_its_rounding(
    position_encoding: Literal["sinusoidal", "rotary"],
) -> None:
    exact, rounded = (
        tiny_model(position_encoding=position_encoding),
        tiny_model(position_encoding=position_encoding),
    )
    alone(exact).step(BATCH, lr_factor=0.0)
    make_stepper(rounded, precision=BF16).step(BATCH, lr_factor=0.0)
    error = (gradients(rounded) - gradients(exact)).norm() / gradients(exact).norm()
    assert 0 < error < 2**-7  # a number is rounded by 2^-9, and each passes several operations


def test_parts_of_a_model_that_do_not_learn_have_no_gradient() -> None:
    peft = PeftConfig(lora_rank=2)
    models = [apply_peft(tiny_model(), peft, generator=torch.Generator()) for _ in range(2)]
    alone(models[0]).step(BATCH, lr_factor=0.0)
    make_stepper(models[1]).step(BATCH, lr_factor=0.0)
    torch.testing.assert_close(gradients(models[1]), gradients(models[0]))
    assert len(gradients(models[1])) < len(weights(models[1])) / 2


@pytest.mark.parametrize(
    "words",
    [pytest.param("DefaultCPUAllocator: no memory", marks=pytest.mark.slow), "std::bad_alloc"],
)
def test_where_memory_runs_out_in_a_worker_one_goes_on_in_pieces(
    monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    expected = learnt(alone(tiny_model(dropout=0.3), micro_batch_size=4), num_steps=3)
    main, real = threading.current_thread(), Transformer.hidden

    def hidden(self: Transformer, idx: Tensor) -> Tensor:
        if threading.current_thread() != main:
            raise RuntimeError(words)
        return real(self, idx)

    monkeypatch.setattr(Transformer, "hidden", hidden)
    stepper = make_stepper(tiny_model(dropout=0.3), micro_batch_size=7)
    results, learnt_weights = learnt(stepper, num_steps=3)
    assert results == expected[0]
    assert torch.equal(learnt_weights, expected[1])


def test_an_error_is_told_once_all_have_ended_and_leaves_no_gradient_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clean = alone(tiny_model()).step(BATCH, lr_factor=0.0)
    ended = []
    fails = threading.Event()
    real = Transformer.hidden

    def hidden(self: Transformer, idx: Tensor) -> Tensor:
        if len(idx) == 3:
            fails.set()
            raise ValueError("of the first part")
        assert fails.wait(timeout=10)
        ended.append(real(self, idx))
        return ended[0]

    monkeypatch.setattr(Transformer, "hidden", hidden)
    stepper = make_stepper(tiny_model(), micro_batch_size=8)
    with pytest.raises(ValueError, match="first part"):
        stepper.step(BATCH, lr_factor=0.0)
    assert len(ended) == 1
    monkeypatch.setattr(Transformer, "hidden", real)
    result = stepper.step(BATCH, lr_factor=0.0)
    assert result.grad_norm == pytest.approx(clean.grad_norm, rel=1e-5)


@pytest.fixture
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    gc.collect()
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=10)
        assert not thread.is_alive()


@pytest.mark.usefixtures("no_thread_is_left")
def test_threads_end_with_their_stepper() -> None:
    make_stepper(tiny_model()).step(BATCH, lr_factor=1.0)


@pytest.mark.usefixtures("no_thread_is_left")
@pytest.mark.parametrize("good_times", [0, 1])
@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), KeyboardInterrupt()])
def test_where_not_all_threads_start_none_is_left(
    monkeypatch: pytest.MonkeyPatch, good_times: int, error: BaseException
) -> None:
    num_started = 0
    real = threading.Thread.start

    def start(self: threading.Thread) -> None:
        nonlocal num_started
        if num_started == good_times:
            raise error
        num_started += 1
        real(self)

    monkeypatch.setattr(threading.Thread, "start", start)
    if isinstance(error, KeyboardInterrupt):
        with pytest.raises(KeyboardInterrupt):
            make_stepper(tiny_model())
    else:
        stepper = make_stepper(tiny_model())
        assert stepper.workers is None
        assert stepper.step(BATCH, lr_factor=1.0).skipped is None
    monkeypatch.setattr(threading.Thread, "start", real)
    assert num_started == good_times
    assert torch.get_num_threads() == threads_of_later_threads() == 2


class FailsAt(ThreadPoolExecutor):
    """A pool that can't take what it is given after so many times."""

    good_times = 0
    error: BaseException
    has_failed: threading.Event

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        if not self.good_times:
            self.has_failed.set()
            raise self.error
        self.good_times -= 1
        return super().submit(*args, **kwargs)


@pytest.mark.parametrize("error", [MemoryError(), KeyboardInterrupt()], ids=repr)
def test_what_breaks_off_while_a_worker_is_busy_leaves_no_gradient_behind(
    monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    clean = alone(tiny_model()).step(BATCH, lr_factor=0.0)
    monkeypatch.setattr(FailsAt, "good_times", 3)  # to start two, and for the first part
    monkeypatch.setattr(FailsAt, "error", error, raising=False)
    monkeypatch.setattr(FailsAt, "has_failed", threading.Event(), raising=False)
    monkeypatch.setattr(workers_module, "ThreadPoolExecutor", FailsAt)
    real = Transformer.hidden

    def hidden(self: Transformer, idx: Tensor) -> Tensor:
        if threading.current_thread() != threading.main_thread():
            assert FailsAt.has_failed.wait(timeout=10)
        return real(self, idx)

    monkeypatch.setattr(Transformer, "hidden", hidden)
    stepper = make_stepper(tiny_model())
    if isinstance(error, KeyboardInterrupt):
        with pytest.raises(KeyboardInterrupt):
            stepper.step(BATCH, lr_factor=0.0)
        stepper.workers = None
    result = stepper.step(BATCH, lr_factor=0.0)
    assert result.grad_norm == pytest.approx(clean.grad_norm, rel=1e-5)


def test_where_memory_is_short_no_thread_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    free = 2 * workers_module.ARENA_BYTES
    monkeypatch.setattr(workers_module, "available_memory_bytes", lambda _: free - 1)
    assert start_workers(tiny_model()) is None
    monkeypatch.setattr(workers_module, "available_memory_bytes", lambda _: free)
    assert start_workers(tiny_model()) is not None


def test_a_window_at_a_time_what_is_compiled_and_what_is_computed_twice_are_not_shared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run(*_: object) -> None:
        raise AssertionError("it is shared")

    monkeypatch.setattr(workers_module.ThreadDataParallel, "run", run)
    make_stepper(tiny_model(), micro_batch_size=1).step(BATCH, lr_factor=0.0)
    make_stepper(tiny_model()).step(BATCH.rows(0, 1), lr_factor=0.0)
    model = tiny_model(dropout=0.5)
    model.activation_checkpointing = True
    make_stepper(model).step(BATCH, lr_factor=0.0)
    halves = cut_windows(random_text(60), np.arange(0, 56, 4), seq_length=4)
    make_stepper(tiny_model(), micro_batch_size=1).step(halves, lr_factor=0.0)
    stepper = make_stepper(model := tiny_model())
    stepper.compiled = Compiled(model)
    stepper.compiled._compiled = model.hidden
    stepper.step(BATCH, lr_factor=0.0)
    with pytest.raises(AssertionError, match="shared"):
        make_stepper(tiny_model()).step(BATCH, lr_factor=0.0)


def test_a_step_that_could_not_be_compiled_is_shared_as_those_after_it() -> None:
    def broken(_: Tensor) -> Tensor:
        raise RuntimeError("no compiler")

    shared = make_stepper(tiny_model(dropout=0.3), micro_batch_size=4)
    stepper = make_stepper(model := tiny_model(dropout=0.3), micro_batch_size=4)
    stepper.compiled = Compiled(model)
    stepper.compiled._compiled = broken
    assert learnt(stepper)[0] == learnt(shared)[0]
    assert torch.equal(weights(model), weights(shared.model))


def test_a_model_that_was_not_training_yet_learns_with_dropout() -> None:
    models = [tiny_model(dropout=0.5), tiny_model(dropout=0.5).eval()]
    steppers = [make_stepper(model) for model in models]
    models[1].train()
    expected, (results, learnt_weights) = (learnt(stepper) for stepper in steppers)
    assert results == expected[0]
    assert torch.equal(learnt_weights, expected[1])


def test_dropout_draws_from_the_default_generator_again_afterwards() -> None:
    model, window = tiny_model(dropout=0.5), torch.from_numpy(BATCH.inputs[:1])
    torch.manual_seed(0)
    first = model(window)
    with use_generator(torch.Generator()):
        model(window)
    torch.manual_seed(0)
    assert torch.equal(model(window), first)


def test_a_run_that_goes_on_is_the_run_that_never_stopped() -> None:
    def trainer() -> Trainer:
        torch.manual_seed(5)
        return Trainer(
            tiny_model(dropout=0.3),
            train=random_text(300),
            validation=random_text(60, seed=1),
            config=TrainingConfig(batch_size=4, epochs=None, max_steps=12, learning_rate=1e-2),
            precision=FP32,
            clock=lambda: 0.0,
        )

    whole = trainer()
    expected = [event.loss for event in whole.run() if isinstance(event, StepDone)]
    broken_off = trainer()
    losses: list[float] = []
    for event in broken_off.run():
        if isinstance(event, StepDone):
            losses.append(event.loss)
            if len(losses) == 5:
                break
    state = broken_off.state_dict().clone()
    other = trainer()
    other.load_state_dict(state)
    losses += [event.loss for event in other.run() if isinstance(event, StepDone)]
    assert losses == expected
    assert torch.equal(weights(other.model), weights(whole.model))


@pytest.mark.parametrize(
    ("threads", "workers"), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 1), (6, 3), (8, 4), (16, 4)]
)
def test_workers_share_the_threads_evenly(threads: int, workers: int) -> None:
    torch.set_num_threads(threads)
    assert num_workers(torch.device("cpu")) == workers
    assert num_workers(torch.device("cuda")) == 1


def test_threads_that_are_kept_on_one_core_share_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers_module, "_num_cores", lambda: 1)
    assert num_workers(torch.device("cpu")) == 1
    assert make_stepper(tiny_model()).workers is None


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system can't bind threads")
def test_the_cores_of_this_thread_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert num_workers(torch.device("cpu")) == 1
    finally:
        os.sched_setaffinity(0, before)


def test_a_window_longer_than_what_is_best_at_once_is_taken_whole() -> None:
    assert windows_at_once(torch.device("cpu"), seq_length=512) == 8
    assert windows_at_once(torch.device("cpu"), seq_length=3_000) == 2
    torch.set_num_threads(8)
    assert windows_at_once(torch.device("cpu"), seq_length=512) == 32
    assert windows_at_once(torch.device("cuda"), seq_length=512) is None
