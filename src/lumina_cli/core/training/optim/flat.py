"""Parameters and their gradients laid end to end, so that one operation reaches many.

Ranks that train together have the same of both. Where an optimizer shares its work among them,
each updates a part, remembers what it needs for that part alone, and sends the others its values.

Source: Rajbhandari et al. 2020, "ZeRO: Memory Optimizations Toward Training Trillion Parameter
Models", section 5.1.

N numbers in all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lumina_cli.core.training.parallel.rank import Rank


@dataclass(frozen=True, eq=False)
class FlatParameters:
    """The memory in which parameters and their gradients lie, each (N,).

    `bounds` tell between which of the numbers the part of each rank lies, `rank` which is ours.
    """

    values: Tensor
    gradients: Tensor
    bounds: tuple[int, ...]
    rank: Rank

    def __len__(self) -> int:
        return len(self.values)

    def own(self, whole: Tensor) -> Tensor:
        """Return the part of this rank of what there is for each parameter, (N,)."""
        return whole[self.bounds[self.rank.index] : self.bounds[self.rank.index + 1]]

    def share(self) -> None:
        """Give all ranks the values that each has in its part."""
        self.rank.share(self.values, self.bounds)


class StatePart(NamedTuple):
    """What this rank remembers for each number of its part of some parameters: the live tensor."""

    own: Tensor
    flat: FlatParameters

    def whole(self) -> Tensor:
        """Return on the first rank what all remember, (N,); see `Rank.gather`."""
        return self.flat.rank.gather(self.own, self.flat.bounds)

    def load(self, whole: Tensor) -> None:
        """Take over this rank's part of N numbers. Raises RuntimeError where it is not N."""
        self.own.copy_(self.flat.own(whole.view(len(self.flat))))  # never broadcast


def flatten(
    parameters: Sequence[nn.Parameter], *, rank: Rank, unit: int, anew_at: int = 0
) -> FlatParameters:
    """Lay parameters end to end, in order; each becomes a view of the whole, and so its gradient.

    Backward passes add to a gradient that is there, so they fill the whole.

    Args:
        parameters: that learn.
        rank: which one this is of those that have a part of them each.
        unit: numbers that stay together in one part, see `part_bounds`.
        anew_at: where units are counted from anew.
    """
    device = parameters[0].device if parameters else None
    num = sum(parameter.numel() for parameter in parameters)
    bounds = part_bounds(num, count=rank.world_size, unit=unit, anew_at=anew_at)
    values, gradients = torch.empty(num, device=device), torch.zeros(num, device=device)
    start = 0
    for parameter in parameters:
        stop = start + parameter.numel()
        values[start:stop] = parameter.detach().reshape(-1)
        parameter.data = values[start:stop].view_as(parameter)
        parameter.grad = gradients[start:stop].view_as(parameter)
        start = stop
    return FlatParameters(values, gradients, bounds, rank)


def part_bounds(num: int, *, count: int, unit: int, anew_at: int = 0) -> tuple[int, ...]:
    """Return between which of `num` numbers each of `count` parts lies, about as many in each.

    Units are counted from the beginning, and from `anew_at` on from there; no part begins in one.
    """
    bounds = []
    for index in range(count):
        at = num * index // count
        begin = anew_at if at >= anew_at else 0
        bounds.append(begin + (at - begin) // unit * unit)
    return (*bounds, num)
