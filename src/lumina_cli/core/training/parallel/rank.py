"""The one way in which a run knows of others that train the same model beside it.

All ranks do the same steps on the same state; each learns from its own windows of a batch.
What a rank alone can know (its clock, whether its memory ran out, that it was asked to stop)
is told to all before anything is decided by it, so that all decide alike. Every rank makes
the same calls in the same order.

What is summed: the gradients in place, a contiguous stretch at a time, between the last
backward pass of a step and its norm (`Stepper`); a few numbers a step and a measurement.
The batch size is that of all ranks together, and each knows how many ids of the whole batch
count; clipping enters through the factor of the optimizer step, the same on each rank.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from lumina_cli.core.memory import none_on_oom
from lumina_cli.data.batches import Batch

T = TypeVar("T")


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

    def all_reduce(self, tensor: Tensor) -> None:
        """Put the sum over all ranks in the place of a contiguous tensor."""

    def sum(self, values: Sequence[float]) -> list[float]:
        """Return the sums over all ranks, in double precision."""

    def broadcast(self, value: T) -> T:
        """Return the value that the first rank has: plain numbers and text."""


class SingleProcess:
    """A process alone: what it has is what all have."""

    index = 0
    world_size = 1

    def all_reduce(self, tensor: Tensor) -> None:
        """Leave the tensor: it is the sum."""

    def sum(self, values: Sequence[float]) -> list[float]:
        """Return the values."""
        return list(values)

    def broadcast(self, value: T) -> T:
        """Return the value."""
        return value


ALONE = SingleProcess()


def any_rank(flag: bool, *, rank: Rank) -> bool:  # noqa: FBT001
    """Return whether something holds on any rank."""
    return rank.sum([float(flag)])[0] > 0


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
    if any_rank(done is None, rank=rank) or done is None:
        raise torch.OutOfMemoryError("out of memory")
    return done[0]
