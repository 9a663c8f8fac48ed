"""Parameters and their gradients laid end to end, so that one operation reaches many.

N numbers in all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class FlatParameters:
    """The memory in which parameters and their gradients lie, each (N,)."""

    values: Tensor
    gradients: Tensor

    def __len__(self) -> int:
        return len(self.values)


def flatten(parameters: Sequence[nn.Parameter]) -> FlatParameters:
    """Lay parameters end to end, in order; each becomes a view of the whole, and so its gradient.

    Backward passes add to a gradient that is there, so they fill the whole.
    """
    device = parameters[0].device if parameters else None
    num = sum(parameter.numel() for parameter in parameters)
    flat = FlatParameters(torch.empty(num, device=device), torch.zeros(num, device=device))
    start = 0
    for parameter in parameters:
        stop = start + parameter.numel()
        flat.values[start:stop] = parameter.detach().reshape(-1)
        parameter.data = flat.values[start:stop].view_as(parameter)
        parameter.grad = flat.gradients[start:stop].view_as(parameter)
        start = stop
    return flat
