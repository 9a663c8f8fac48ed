"""The one way in which a run knows of others that train the same model beside it.

All ranks do the same steps on the same state; each learns from its own windows of a batch.
What a rank alone can know (its clock, whether its memory ran out, that it was asked to stop)
is told to all before anything is decided by it, so that all decide alike. Every rank makes
the same calls in the same order.

What is summed: the gradients in place, a contiguous stretch at a time, while the last backward
pass of a step goes on (`GradientSum`); a few numbers a step and a measurement. The batch size is
that of all ranks together, and each knows how many ids of the whole batch count; clipping enters
through the factor of the optimizer step, the same on each rank.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor, nn

from lumina_cli.core.memory import none_on_oom
from lumina_cli.data.batches import Batch

T = TypeVar("T")
Clock = Callable[[], float]
"""Seconds from anywhere."""

Request = Literal["stop", "save"]
"""What somebody may ask of a run, by a signal to any of its ranks."""


class Pace(NamedTuple):
    """How ranks keep up with each other, of late.

    Args:
        num_ranks: that train together.
        slowest: the rank for which the others wait most.
        waiting: share of the time of all ranks that is spent waiting, in [0, 1].
    """

    num_ranks: int
    slowest: int
    waiting: float


class GradientSum(Protocol):
    """Sums gradients over all ranks, in place; each step calls `finish` once, on every rank."""

    def begin(self) -> None:
        """Begin with what is complete while the next backward pass, the last one, goes on."""

    def finish(self) -> None:
        """Sum all that is left, and wait until all is there."""


class Rank(Protocol):
    """One process of those that train together.

    A rank that was lost makes the calls of the others raise: nothing goes on without it.
    """

    @property
    def index(self) -> int:
        """Which one this is, from 0 on; the first one draws samples and writes files."""

    @property
    def world_size(self) -> int:
        """How many there are."""

    @property
    def pace(self) -> Pace | None:
        """How the ranks keep up with each other; None for one alone."""

    def gradient_sum(
        self, parameters: Sequence[nn.Parameter], gradients: Sequence[Tensor]
    ) -> GradientSum:
        """Return what sums gradients.

        Args:
            parameters: in the order in which the model computes with them.
            gradients: in which those of the parameters lie end to end.
        """

    def own_draws(self, device: torch.device) -> AbstractContextManager[None]:
        """Let dropout on a device draw other numbers than on other ranks, by torch's generators.

        These go on as if nothing had been drawn but one number, the same on all ranks.
        """

    def sum(self, values: Sequence[float]) -> list[float]:
        """Return the sums over all ranks, in double precision; time and requests come with it."""

    def broadcast(self, value: T) -> T:
        """Return the value that the first rank has: plain numbers and text, and what holds such."""

    def broadcast_tensors(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Return the tensors that the first rank has, by name; elsewhere they come on the CPU."""

    def share(self, tensor: Tensor, bounds: Sequence[int]) -> None:
        """Give all ranks what each has in its part of a flat tensor.

        Args:
            tensor: (N,).
            bounds: between which numbers the part of each rank lies, one more than ranks.
        """

    def gather(self, part: Tensor, bounds: Sequence[int]) -> Tensor:
        """Return on the first rank the whole, (N,), of which each rank has a part.

        There it is a new tensor on the CPU; the others get their part back, as does one alone.

        Args:
            part: of this rank.
            bounds: between which of the N numbers the part of each rank lies.

        Raises:
            OutOfMemoryError: (torch's) on every rank, where it ran out on one.
        """

    def time(self, clock: Clock) -> float:
        """Return the time by the clock of the first rank, as of the last `sum`; alone it is now."""

    def ask(self, request: Request) -> None:
        """Ask something of the run on all ranks; from any thread."""

    def take(self, request: Request) -> bool:
        """Return whether something was asked for on any rank, as of the last `sum`; but once."""

    def in_turn(self, action: Callable[[], T]) -> T:
        """Do an action first on one rank of each machine, then on the others there."""


class _SumOfOne:
    def begin(self) -> None:
        """Wait for nobody."""

    def finish(self) -> None:
        """Leave the gradients: they are the sum."""


class SingleProcess:
    """A process alone: what it has is what all have."""

    index = 0
    world_size = 1
    pace = None

    def __init__(self) -> None:
        self._asked: set[Request] = set()

    def gradient_sum(
        self, parameters: Sequence[nn.Parameter], gradients: Sequence[Tensor]
    ) -> GradientSum:
        return _SumOfOne()

    def own_draws(self, device: torch.device) -> AbstractContextManager[None]:
        return nullcontext()

    def sum(self, values: Sequence[float]) -> list[float]:
        return list(values)

    def broadcast(self, value: T) -> T:
        return value

    def broadcast_tensors(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return tensors

    def share(self, tensor: Tensor, bounds: Sequence[int]) -> None:
        pass

    def gather(self, part: Tensor, bounds: Sequence[int]) -> Tensor:
        return part

    def time(self, clock: Clock) -> float:
        return clock()

    def ask(self, request: Request) -> None:
        self._asked.add(request)

    def take(self, request: Request) -> bool:
        was_asked = request in self._asked
        self._asked.discard(request)
        return was_asked

    def in_turn(self, action: Callable[[], T]) -> T:
        return action()


ALONE = SingleProcess()
"""For what is asked for nothing: a measurement, a trial."""


class OnTrial(SingleProcess):
    """A rank that talks to nobody: it tries on its part how long that takes.

    Args:
        rank: which one.
    """

    def __init__(self, rank: Rank) -> None:
        super().__init__()
        self.index = rank.index
        self.world_size = rank.world_size


def own_rows(batch: Batch, *, rank: Rank) -> Batch:
    """Return the windows of a batch that a rank learns from: about as many as each other has."""
    num, size = len(batch.inputs), rank.world_size
    return batch.rows(num * rank.index // size, num * (rank.index + 1) // size)


def on_all(action: Callable[[], T], *, rank: Rank) -> T:
    """Return what `action`, which calls no other rank, returns.

    Raises:
        OutOfMemoryError: (torch's) memory ran out in it, on this rank or on another.
    """
    done = none_on_oom(lambda: (action(),))
    (num_short,) = rank.sum([float(done is None)])
    if num_short or done is None:
        raise torch.OutOfMemoryError("out of memory")
    return done[0]
