"""AdamW over parameters that lie end to end: one fused operation on each half of them.

Source: Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization".

N numbers in all.
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from lumina_cli.core.memory import retry_on_oom
from lumina_cli.core.training.optim.flat import flatten

EPSILON = 1e-8


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
        self.learning_rate = learning_rate
        self.betas = betas
        self.num_steps = 0
        self.first = torch.zeros_like(self.flat.values)
        self.second = torch.zeros_like(self.flat.values)
        num_decayed = sum(parameter.numel() for parameter in decayed)
        groups = ((slice(num_decayed), weight_decay), (slice(num_decayed, None), 0.0))
        self._groups = [group for group in groups if len(self.flat.values[group[0]])]
        self._step = self.flat.values.new_zeros(())

    def step(self, *, lr_factor: float) -> None:
        """Do one step at a share of the highest learning rate.

        It is whole even if memory runs out: the operation that changes numbers takes none.
        """
        lr = self.learning_rate * lr_factor
        self.num_steps += 1
        for group, decay in self._groups:
            retry_on_oom(partial(self._update, group, lr=lr, decay=decay))

    def state_dict(self) -> dict[str, Tensor]:
        """Return the live tensors of the state, by name."""
        return {"first": self.first, "second": self.second}

    def _update(self, group: slice, *, lr: float, decay: float) -> None:
        beta1, beta2 = self.betas
        self._step.fill_(self.num_steps - 1)  # the function counts on; so it may be called again
        adamw(
            [self.flat.values[group]],
            [self.flat.gradients[group]],
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
