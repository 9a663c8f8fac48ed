"""Threads that share a step on a CPU: each learns from its own windows of the batch.

torch splits single operations among threads, and after each of them all wait for the
slowest. Here a thread does all operations on its windows; they meet once a step, to add
their gradients. That is the gradient of the whole batch, but for rounding and for what
dropout draws.
"""

import copy
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import NamedTuple, TypeVar

import torch
from torch import nn

from lumina_cli.core.memory import available_memory_bytes, none_on_oom
from lumina_cli.core.model.kernels.dropout import use_generator
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.precision import Precision

MOST_WORKERS = 4
"""Each needs memory for gradients; threads beyond share the operations of each worker."""

CHARS_AT_ONCE = 2_048
"""For each thread: what more of them keep for the backward pass doesn't fit into the cache."""


class Least(NamedTuple):
    """What each worker must have: with less, meeting takes longer than sharing saves."""

    chars: int
    features: int
    """Characters times width."""


LEAST_IN_FP32 = Least(chars=256, features=1 << 15)
LEAST_IN_BF16 = Least(chars=1_024, features=1 << 18)
"""More, as products take less time: the rest is started by Python, for one thread at a time."""

EVEN_ENOUGH = 4
"""Windows for each worker, where they can't all have the same number: from here on."""

ARENA_BYTES = 128 << 20
"""For each worker: glibc reserves 64 MB of addresses for what a thread allocates; twice that."""

START_TIMEOUT_S = 30.0

P = TypeVar("P")
R = TypeVar("R")


def num_workers(device: torch.device) -> int:
    """Return how many can share a step: a divisor of torch's threads; 1 for no sharing."""
    num_threads = torch.get_num_threads()
    if device.type != "cpu" or _num_cores() < num_threads:
        return 1
    return max(n for n in range(1, MOST_WORKERS + 1) if num_threads % n == 0)


def _num_cores() -> int:
    """Return on how many cores threads begun here may run: with OMP_PROC_BIND it is one."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def windows_at_once(device: torch.device, *, seq_length: int) -> int | None:
    """Return how many windows all threads together learn from fastest; None for no limit."""
    if device.type != "cpu":
        return None
    return torch.get_num_threads() * max(CHARS_AT_ONCE // seq_length, 1)


def least_chars(hidden_size: int, precision: Precision) -> int:
    """Return how many characters each worker must have, for sharing to be faster."""
    least = LEAST_IN_FP32 if precision.name == "fp32" else LEAST_IN_BF16
    return max(least.chars, -(-least.features // hidden_size))


def is_worth_sharing(num_windows: int, seq_length: int, *, count: int, least: int) -> bool:
    """Return whether so many workers are faster than one: all have about the same, and enough.

    Args:
        num_windows: of a batch.
        seq_length: of each window.
        count: of workers.
        least: characters for each worker, see `least_chars`.
    """
    is_even = num_windows % count == 0 or num_windows >= EVEN_ENOUGH * count
    return is_even and num_windows * seq_length >= least * count


def fewest_to_share(device: torch.device, *, seq_length: int, least: int) -> int:
    """Return from how many windows on threads share a step evenly; 1 where none do."""
    count = num_workers(device)
    return count * max(-(-least // seq_length), 1) if count > 1 else 1


def start_workers(model: Transformer) -> "ThreadDataParallel | None":
    """Return workers for a model; None where there is one thread, or memory for no more.

    None, too, with reference kernels: then everything is done in the plain way.
    """
    device = model.wte.weight.device
    count = num_workers(device)
    if count == 1 or not model.kernels.is_fast:
        return None
    free = available_memory_bytes(device)
    if free is not None and free < count * ARENA_BYTES:
        return None
    return none_on_oom(partial(ThreadDataParallel, model, count=count))


class ThreadDataParallel:
    """As many threads as models: the model itself, and replicas of it with the same weights.

    The threads end with this object, and aren't there after a fork: a process that is to learn
    makes its own.

    Args:
        model: to train, its parameters where they will stay.
        count: of threads.

    Raises:
        MemoryError: no thread can be started.
    """

    def __init__(self, model: Transformer, *, count: int) -> None:
        self.count = count
        self._model = model
        self._replicas = [_replica(model) for _ in range(count - 1)]
        self._generators = [torch.Generator() for _ in range(count)]
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="lumina-worker")
        _start(self._pool, count)

    def run(self, work: Callable[[Transformer, P], R], parts: Sequence[P]) -> list[R]:
        """Let each worker do its part, and add their gradients to those of the model.

        What a part draws at random comes from a seed that torch's default generator drew for
        it, whichever worker is faster.

        Args:
            work: done with a worker's model and a part; its gradients add to what is there.
            parts: of the batch, one for each worker.

        Raises:
            Exception: what the first part that failed raised, once all have ended.
        """
        seeds = torch.randint(2**63 - 1, (self.count,)).tolist()
        for generator, seed in zip(self._generators, seeds, strict=True):
            generator.manual_seed(seed)
        models = [self._model, *self._replicas]
        futures: list[Future[R]] = []
        try:
            for generator, model, part in zip(self._generators, models, parts, strict=True):
                futures.append(self._pool.submit(_work, work, generator, model, part))
            results = [future.result() for future in futures]
            for replica in self._replicas:
                _add_gradients(self._model, replica)
        finally:
            wait(futures)  # whatever happened, nobody adds to a gradient any more
            for replica in self._replicas:
                replica.zero_grad()
        return results


def _work(
    work: Callable[[Transformer, P], R], generator: torch.Generator, model: Transformer, part: P
) -> R:
    with use_generator(generator):
        return work(model, part)


def _replica(model: Transformer) -> Transformer:
    """Return a model with the same weights, in the same memory, and gradients of its own."""
    memo: dict[int, object] = {
        id(parameter): nn.Parameter(parameter.detach(), requires_grad=parameter.requires_grad)
        for parameter in model.parameters()
    }
    replica: Transformer = copy.deepcopy(model, memo)
    return replica.train()


def _add_gradients(model: Transformer, replica: Transformer) -> None:
    for parameter, same in zip(model.parameters(), replica.parameters(), strict=True):
        if same.grad is not None:
            assert parameter.grad is not None, "the optimizer made room for it"
            parameter.grad += same.grad


def _start(pool: ThreadPoolExecutor, count: int) -> None:
    """Start all threads now, each with its share of torch's: later, memory may be short."""
    num_threads = torch.get_num_threads()
    all_are_there = threading.Barrier(count, timeout=START_TIMEOUT_S)

    def begin() -> None:
        torch.get_num_threads()  # the first call in a thread takes over what others have set
        torch.set_num_threads(num_threads // count)  # in this thread, and in those begun later
        all_are_there.wait()

    try:
        for future in [pool.submit(begin) for _ in range(count)]:
            future.result()
    except BaseException as error:
        all_are_there.abort()  # else those that did start wait for the others
        pool.shutdown(cancel_futures=True)
        if isinstance(error, RuntimeError):
            raise MemoryError("no thread can be started") from error
        raise
    finally:
        torch.set_num_threads(num_threads)
