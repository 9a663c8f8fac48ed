"""Processes that train together: the ranks of torch.distributed.

Gradients go over NCCL between GPUs and over gloo between CPUs; all else over gloo. Numbers of
all ranks are gathered and added in the order of the ranks, so that each has the same to the bit.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.distributed import PrefixStore, Store  # type: ignore[attr-defined]

from lumina_cli.core.seeding import make_generator, random_state, restore_random_state
from lumina_cli.core.training.parallel.place import Place
from lumina_cli.core.training.parallel.rank import Clock, GradientSum, Pace, Request, on_all
from lumina_cli.core.training.parallel.reduction import STRETCH, OverlappedSum, Work
from lumina_cli.core.training.parallel.watch import BEAT_S, Watch
from lumina_cli.errors import GroupError

T = TypeVar("T")
TIMEOUT = timedelta(minutes=10)
"""Of a call to the others: longer than any step. Who is gone is noticed sooner (`watch.py`)."""

REQUESTS: tuple[Request, ...] = ("stop", "save")
PACE_WEIGHT = 0.1
"""Of the newest step."""


class Processes:
    """One rank of a group.

    Args:
        place: of this rank.
        store: of the group.
        watch: looks after the others.
        device: that this rank computes on.
    """

    def __init__(self, place: Place, store: Store, *, watch: Watch, device: torch.device) -> None:
        self.index = place.index
        self.world_size = place.world_size
        self.pace: Pace | None = None
        self.watch = watch
        self.stretch = STRETCH
        self._place = place
        self._store = store
        self._device = device
        self._clock: Clock = time.monotonic
        self._time_s: float | None = None
        self._asked: set[Request] = set()
        self._heard: set[Request] = set()
        self._num_turns = 0
        self._waited_s = self._waiting = 0.0
        self._busy_s = [0.0] * place.world_size
        self._met_s = time.monotonic()

    def gradient_sum(
        self, parameters: Sequence[nn.Parameter], gradients: Sequence[Tensor]
    ) -> GradientSum:
        self._connect()
        return OverlappedSum(
            parameters,
            gradients,
            start=self._start_sum,
            wait_for=self._wait_for,
            least=self.stretch,
        )

    @contextmanager
    def own_draws(self, device: torch.device) -> Iterator[None]:
        seed = int(torch.randint(2**62, ()))
        state = random_state(device)
        torch.manual_seed(make_generator(seed, f"rank {self.index}").initial_seed())
        try:
            yield
        finally:
            restore_random_state(state, device=device)

    def sum(self, values: Sequence[float]) -> list[float]:
        now_s = time.monotonic()
        busy_s = now_s - self._met_s - self._waited_s
        asked = [float(request in self._asked) for request in REQUESTS]
        rows: list[list[float]] = []
        self._call(lambda: rows.extend(_gather([*values, *asked, self._clock(), busy_s])))
        self._time_s = rows[0][-2]
        total = [sum(column) for column in zip(*rows, strict=True)]
        for request, num in zip(REQUESTS, total[len(values) :], strict=False):
            if num:
                self._heard.add(request)
                self._asked.discard(request)
        self._note_pace([row[-1] for row in rows])
        return total[: len(values)]

    def broadcast(self, value: T) -> T:
        data = bytearray(json.dumps(value).encode()) if self.index == 0 else bytearray()
        size = torch.tensor([len(data)])
        self._call(lambda: dist.broadcast(size, 0))
        buffer = torch.empty(int(size), dtype=torch.uint8)
        if self.index == 0:
            buffer.copy_(torch.frombuffer(data, dtype=torch.uint8))
        self._call(lambda: dist.broadcast(buffer, 0))
        self.sum(())
        told: T = json.loads(bytes(buffer.numpy()))  # what is infinite is read as it was written
        return told

    def broadcast_tensors(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        facts = {name: (list(t.shape), str(t.dtype)) for name, t in tensors.items()}
        same: dict[str, Tensor] = {}
        for name, (shape, dtype) in self.broadcast(facts).items():
            kind = getattr(torch, dtype.removeprefix("torch."))
            same[name] = torch.empty(shape, dtype=kind)
            if self.index == 0:
                same[name].copy_(tensors[name])
            raw = same[name].view(-1).view(torch.uint8)
            self._call(lambda raw=raw: dist.broadcast(raw, 0))  # type: ignore[misc]
        return same

    def share(self, tensor: Tensor, bounds: Sequence[int]) -> None:
        parts = [(owner, tensor[a:b]) for owner, (a, b) in enumerate(pairwise(bounds)) if a < b]
        self._wait_for([self._start_broadcast(part, owner) for owner, part in parts])

    def gather(self, part: Tensor, bounds: Sequence[int]) -> Tensor:
        def begin() -> Tensor:
            if self.index > 0:
                return part.cpu()
            whole = torch.empty(bounds[-1], dtype=part.dtype)
            whole[: len(part)] = part
            return whole

        mine = on_all(begin, rank=self)  # nobody waits for one that has no memory for it
        parts = [(owner, a, b) for owner, (a, b) in enumerate(pairwise(bounds)) if owner and a < b]
        for owner, start, stop in parts:
            if self.index == 0:
                self._call(partial(dist.recv, mine[start:stop], owner))
            elif self.index == owner:
                self._call(partial(dist.send, mine, 0))
        return mine if self.index == 0 else part

    def time(self, clock: Clock) -> float:
        if self._clock is not clock:
            self._clock, self._time_s = clock, None
        if self._time_s is None:
            self.sum(())
        assert self._time_s is not None, "it came with the sum"
        return self._time_s

    def ask(self, request: Request) -> None:
        self._asked.add(request)

    def take(self, request: Request) -> bool:
        was_heard = request in self._heard
        self._heard.discard(request)
        return was_heard

    def in_turn(self, action: Callable[[], T]) -> T:
        self._num_turns += 1
        key = f"turn/{self._num_turns}/{self._place.machine}"
        if not (is_ours := self._has_turn(key)):
            self._wait_until([key])
        result = action()
        if is_ours:
            self._ask_store(lambda: self._store.set(key, "over"))
        return result

    def _has_turn(self, key: str) -> bool:
        """Whether this rank is the one of its machine: the first of all, or who comes first."""
        if self.index == 0 or self.watch.is_beside_first:
            return self.index == 0
        return self._ask_store(lambda: self._store.add(f"{key}/come", 1)) == 1

    def _ask_store(self, ask: Callable[[], T]) -> T:
        """Ask the store, which may go with the rank or the launcher that keeps it."""
        try:
            return ask()
        except RuntimeError as error:
            raise self._lost() from error

    def close(self, *, is_over: bool) -> None:
        """Leave the group, its work done on all ranks or not."""
        self.watch.close(is_over=is_over)
        if is_over and dist.is_initialized():
            dist.destroy_process_group()

    def _connect(self) -> None:
        """Begin to talk to the others, once all are there, however long that takes."""
        if dist.is_initialized():
            return
        self._store.set(f"here/{self.index}", "1")
        self._wait_until([f"here/{index}" for index in range(self.world_size)])
        is_gpu = self._device.type == "cuda"
        backend = "cpu:gloo,cuda:nccl" if is_gpu and dist.is_nccl_available() else "gloo"
        store = PrefixStore("group", self._store)
        try:
            dist.init_process_group(
                backend, store=store, rank=self.index, world_size=self.world_size, timeout=TIMEOUT
            )
        except RuntimeError as error:
            raise self._lost() from error

    def _wait_until(self, keys: list[str]) -> None:
        """Wait until all is in the store; who is gone meanwhile is noticed by the watch."""
        try:
            while not self._store.check(keys):
                if self.watch.how_it_ended() is not None:
                    raise self._lost()
                time.sleep(BEAT_S / 20)
        except RuntimeError as error:
            raise self._lost() from error

    def _call(self, call: Callable[[], object]) -> None:
        """Do what needs all ranks, and note how long that was waited for."""
        self._connect()
        started_s = time.monotonic()
        try:
            call()
        except (RuntimeError, MemoryError) as error:  # whoever takes it for no memory leaves others
            raise self._lost() from error
        self._waited_s += time.monotonic() - started_s

    def _start_sum(self, tensor: Tensor) -> Work:
        try:
            work: Work = dist.all_reduce(tensor, async_op=True)
        except RuntimeError as error:
            raise self._lost() from error
        return work

    def _start_broadcast(self, tensor: Tensor, owner: int) -> Work:
        try:
            work: Work = dist.broadcast(tensor, owner, async_op=True)
        except RuntimeError as error:
            raise self._lost() from error
        return work

    def _wait_for(self, works: Sequence[Work]) -> None:
        is_gpu = self._device.type == "cuda"
        if is_gpu:  # else the wait would be told as work
            torch.cuda.current_stream().synchronize()

        def wait() -> None:
            for work in works:
                work.wait()
            if is_gpu:
                torch.cuda.current_stream().synchronize()  # sync point, as is the norm that follows

        self._call(wait)

    def _lost(self) -> GroupError:
        end = self.watch.find_lost()
        return GroupError(
            end.message,
            hint="Go on from the newest checkpoint, if one was saved: --resume",
            code=end.code,
        )

    def _note_pace(self, busy_s: list[float]) -> None:
        now_s = time.monotonic()
        whole_s = max(now_s - self._met_s, 1e-9)
        weight = 1.0 if self.pace is None else PACE_WEIGHT
        share = 1 - min(sum(busy_s) / self.world_size / whole_s, 1.0)
        self._waiting += weight * (share - self._waiting)
        for rank, taken_s in enumerate(busy_s):
            self._busy_s[rank] += weight * (taken_s - self._busy_s[rank])
        slowest = max(range(self.world_size), key=self._busy_s.__getitem__)
        self.pace = Pace(self.world_size, slowest, self._waiting)
        self._met_s, self._waited_s = now_s, 0.0


def _gather(numbers: Sequence[float]) -> list[list[float]]:
    """Return the numbers of each rank; all have as many."""
    own = torch.tensor(numbers, dtype=torch.float64)
    rows = own.new_empty(dist.get_world_size(), len(own))
    dist.all_gather(list(rows), own)
    told: list[list[float]] = rows.tolist()
    return told
