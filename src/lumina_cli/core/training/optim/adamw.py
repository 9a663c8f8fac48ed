"""AdamW over parameters that lie end to end: one fused operation on each half of them.

Source: Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization".

Of ranks that train a large model together each has the moments of its part alone.
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import nn
from torch.optim.adamw import adamw

from lumina_cli.core.memory import retry_on_oom
from lumina_cli.core.training.optim.flat import StatePart, flatten
from lumina_cli.core.training.parallel.rank import ALONE, Rank

EPSILON = 1e-8

SHARED_FROM = 1 << 25
"""Parameters. Moments of fewer take 256 MB at most, and are whole on each rank: sending the values
after each step would take longer than an update of all of them (docs/distributed.md)."""

UNIT = 64
"""Numbers that stay on one rank. A CPU computes several at once, and the last few of a stretch one
by one, which may round otherwise: cut anywhere else, a stretch would have other last ones."""


class AdamW:
    """AdamW with weight decay on some of the parameters.

    What torch's class computes, by the function it calls: the class would import
    torch._dynamo, which takes a second.

    Args:
        decayed: parameters with weight decay.
        others: parameters without.
        learning_rate: the highest.
        betas: decay of the first and of the second moment.
        weight_decay: times the learning rate.
        rank: which one this is of those that share the work.
    """

    def __init__(
        self,
        decayed: Sequence[nn.Parameter],
        others: Sequence[nn.Parameter],
        *,
        learning_rate: float,
        betas: tuple[float, float],
        weight_decay: float,
        rank: Rank = ALONE,
    ) -> None:
        num_decayed = sum(parameter.numel() for parameter in decayed)
        num = num_decayed + sum(parameter.numel() for parameter in others)
        self.flat = flatten(
            [*decayed, *others],
            rank=rank if num >= SHARED_FROM else ALONE,
            unit=UNIT,
            anew_at=num_decayed,
        )
        self.learning_rate = learning_rate
        self.betas = betas
        self.num_steps = 0
        self._values = self.flat.own(self.flat.values)
        self._gradients = self.flat.own(self.flat.gradients)
        self.first = torch.zeros_like(self._values)
        self.second = torch.zeros_like(self._values)
        own_decayed = max(num_decayed - self.flat.bounds[self.flat.rank.index], 0)
        groups = ((slice(own_decayed), weight_decay), (slice(own_decayed, None), 0.0))
        self._groups = [group for group in groups if len(self._values[group[0]])]
        self._step = self.flat.values.new_zeros(())

    def step(self, *, lr_factor: float) -> None:
        """Do one step, of this rank's part, at a share of the highest learning rate.

        It is whole even if memory runs out: the operation that changes numbers takes none.
        """
        lr = self.learning_rate * lr_factor
        self.num_steps += 1
        for group, decay in self._groups:
            retry_on_oom(partial(self._update, group, lr=lr, decay=decay))

    def state(self) -> dict[str, StatePart]:
        """Return the moments by name."""
        return {
            "first": StatePart(self.first, self.flat),
            "second": StatePart(self.second, self.flat),
        }

    def _update(self, group: slice, *, lr: float, decay: float) -> None:
        beta1, beta2 = self.betas
        self._step.fill_(self.num_steps - 1)  # the function counts on; so it may be called again
        adamw(
            [self._values[group]],
            [self._gradients[group]],
            [self.first[group]],
            [self.second[group]],
            [],
            [self._step],
            fused=True,
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=lr,
            weight_decay=decay,
            eps=EPSILON,
            maximize=False,
        )
