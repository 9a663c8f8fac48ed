"""AdamW over parameters that lie end to end, a bounded stretch at a time.

Source: Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization".

N numbers in all.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from lumina_cli.core.training.optim.changes import Change, Prepare
from lumina_cli.core.training.optim.flat import flatten

EPSILON = 1e-8
STRETCH = {"cpu": 1 << 18, "cuda": 1 << 24, "mps": 1 << 24}
"""Numbers at once: few enough for a CPU's cache, enough to keep a GPU busy."""


class AdamW:
    """AdamW with weight decay on some of the parameters.

    Args:
        decayed: parameters that are pulled to zero.
        others: parameters that are not.
        learning_rate: the highest.
        betas: memory of the gradient and of its square.
        weight_decay: pull, times the learning rate.
    """

    def __init__(
        self,
        decayed: Sequence[nn.Parameter],
        others: Sequence[nn.Parameter],
        *,
        learning_rate: float,
        betas: tuple[float, float],
        weight_decay: float,
    ) -> None:
        self.flat = flatten([*decayed, *others])
        self.num_decayed = sum(parameter.numel() for parameter in decayed)
        self.learning_rate = learning_rate
        self.betas = betas
        self.weight_decay = weight_decay
        self.first = torch.zeros_like(self.flat.values)
        self.second = torch.zeros_like(self.flat.values)
        self.num_steps = 0
        # Made once: to allocate room for each stretch takes as long as to compute it.
        room = min(STRETCH[self.flat.values.device.type], len(self.flat))
        self._rooms = [self.flat.values.new_empty(room) for _ in range(4)]

    def changes(self, *, lr_factor: float, grad_factor: float) -> Iterator[Prepare]:
        """Yield what to prepare for one step, stretch by stretch."""
        lr = self.learning_rate * lr_factor
        for part, decay in self._stretches():
            yield partial(self._change, part, lr=lr, decay=decay, grad_factor=grad_factor)

    def state(self) -> dict[str, Tensor]:
        """Return the live tensors of the state, by name."""
        return {"first": self.first, "second": self.second}

    def _stretches(self) -> Iterator[tuple[slice, float]]:
        """Yield slices of the flat parameters, each with its weight decay."""
        stretch = STRETCH[self.flat.values.device.type]
        borders = (0, self.num_decayed, len(self.flat))
        for begin, end, decay in zip(borders, borders[1:], (self.weight_decay, 0.0), strict=False):
            for start in range(begin, end, stretch):
                yield slice(start, min(start + stretch, end)), decay

    def _change(self, part: slice, *, lr: float, decay: float, grad_factor: float) -> Change:
        beta1, beta2 = self.betas
        size = part.stop - part.start
        gradient, first, second, values = (room[:size] for room in self._rooms)
        torch.mul(self.flat.gradients[part], grad_factor, out=gradient)
        first.copy_(self.first[part])
        second.copy_(self.second[part])
        values.copy_(self.flat.values[part])
        adamw(  # one operation on all four, several times as fast as its parts
            [values],
            [gradient],
            [first],
            [second],
            [],
            [torch.tensor(float(self.num_steps), device=values.device)],
            fused=True,
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=lr,
            weight_decay=decay,
            eps=EPSILON,
            maximize=False,
        )
        return [
            (self.first[part], first),
            (self.second[part], second),
            (self.flat.values[part], values),
        ]
