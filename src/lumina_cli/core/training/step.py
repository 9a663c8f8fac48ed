"""One optimizer step: gradients summed over pieces of the batch, clipped, applied.

The gradient is that of the summed loss divided by the number of ids that count in the
whole batch, so cutting the batch in pieces changes nothing but rounding. When memory runs
out, the step starts over with the same random state and pieces half as large.

B batch, T time, C hidden size, M positions that count.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lumina_cli.core.memory import is_out_of_memory, release_memory
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.precision import Precision
from lumina_cli.core.training.loss import LossSums, sum_losses
from lumina_cli.core.training.optim import Optimizers
from lumina_cli.data.batches import Batch
from lumina_cli.errors import DivergedError, OutOfMemoryError


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one step measured (see `events.StepDone`)."""

    loss: float
    accuracy: float
    grad_norm: float


class Stepper:
    """Does optimizer steps on a model.

    Args:
        model: in training mode, on its device.
        optimizers: of its parameters.
        precision: in which the model computes.
        grad_clip: longest gradient.
        label_smoothing: of the loss that is learnt from.
        micro_batch_size: windows at once; halved for good when memory runs out.
    """

    def __init__(
        self,
        model: Transformer,
        optimizers: Optimizers,
        *,
        precision: Precision,
        grad_clip: float,
        label_smoothing: float,
        micro_batch_size: int,
    ) -> None:
        self.model = model
        self.optimizers = optimizers
        self.precision = precision
        self.grad_clip = grad_clip
        self.label_smoothing = label_smoothing
        self.micro_batch_size = micro_batch_size

    def step(self, batch: Batch, *, lr_factor: float) -> StepResult:
        """Learn from one batch at a share of the highest learning rates.

        Raises:
            OutOfMemoryError: a single window of text is too much.
            DivergedError: the gradient is not finite; the weights are as they were.
        """
        random_state = _random_state(self.model)
        while (result := self._try_gradients(batch)) is None:
            release_memory()
            self.halve()
            _restore_random_state(self.model, random_state)
        grad_norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.grad_clip)
        if not torch.isfinite(grad_norm):  # sync point
            raise DivergedError(
                "training diverged: the gradient is no longer a number",
                hint="Use a lower --learning-rate. The best model so far is kept.",
            )
        self.optimizers.step(lr_factor=lr_factor)
        num = max(batch.num_in_loss, 1)
        nll, num_right = result
        return StepResult(nll.item() / num, num_right.item() / num, grad_norm.item())

    def _try_gradients(self, batch: Batch) -> tuple[Tensor, Tensor] | None:
        """Return summed nll and right ids once the gradients stand; None out of memory."""
        try:
            self.optimizers.zero_grad()
            return self._accumulate(batch)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return None

    def _accumulate(self, batch: Batch) -> tuple[Tensor, Tensor]:
        device = self.model.wte.weight.device
        nll = torch.zeros((), device=device)
        num_right = torch.zeros((), device=device, dtype=torch.int64)
        num_in_loss = max(batch.num_in_loss, 1)
        for start in range(0, len(batch.inputs), self.micro_batch_size):
            sums = self._forward(batch.rows(start, start + self.micro_batch_size))
            torch.autograd.backward(sums.loss / num_in_loss)
            nll += sums.nll
            num_right += sums.num_right
        return nll, num_right

    def _forward(self, batch: Batch) -> LossSums:
        device = self.model.wte.weight.device
        inputs = torch.from_numpy(batch.inputs).to(device)  # (B, T)
        targets = torch.from_numpy(batch.targets).to(device)
        chosen = torch.from_numpy(batch.in_loss).to(device)
        with self.precision.autocast():
            hidden = self.model.hidden(inputs)[chosen]  # (M, C): only these need logits
            logits = self.model.lm_head(hidden)  # (M, V)
        return sum_losses(logits, targets[chosen], label_smoothing=self.label_smoothing)

    def halve(self) -> None:
        """Take half as many windows at once. Raises OutOfMemoryError when it is one already."""
        if self.micro_batch_size == 1:
            raise OutOfMemoryError(
                "memory ran out on a single window of text",
                hint="Use a smaller model or window: --preset small, or --seq-length 256",
            )
        self.micro_batch_size = -(-self.micro_batch_size // 2)


def _random_state(model: Transformer) -> tuple[Tensor, Tensor | None]:
    device = model.wte.weight.device
    on_gpu = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    return torch.get_rng_state(), on_gpu


def _restore_random_state(model: Transformer, state: tuple[Tensor, Tensor | None]) -> None:
    torch.set_rng_state(state[0])
    if state[1] is not None:
        torch.cuda.set_rng_state(state[1], model.wte.weight.device)
