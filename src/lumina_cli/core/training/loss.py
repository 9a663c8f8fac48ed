"""The loss: cross entropy as a sum, so that parts of a batch add up to the whole.

M positions that count, V vocabulary.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F


class LossSums(NamedTuple):
    """Sums over positions, all scalars: what is learnt from, and what is reported."""

    loss: Tensor
    nll: Tensor
    num_right: Tensor


def sum_losses(logits: Tensor, targets: Tensor, *, label_smoothing: float = 0.0) -> LossSums:
    """Return the summed loss of (M, V) logits against (M,) targets.

    With smoothing ε the loss of a position is (1 - ε) · nll + ε · mean over V of -log p,
    which is what `torch.nn.CrossEntropyLoss` computes; nll is reported without it.
    Source: Szegedy et al. 2016, "Rethinking the Inception Architecture", section 7.
    """
    sums = _SumLosses.apply(logits, targets, label_smoothing)  # type: ignore[no-untyped-call]
    return LossSums(*sums)


class _SumLosses(torch.autograd.Function):
    """Makes the gradient from the probabilities in one go; torch's own way takes twice as long."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, logits: Tensor, targets: Tensor, smoothing: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        log_probs = F.log_softmax(logits.float(), dim=-1)  # (M, V)
        of_target = log_probs.gather(1, targets.unsqueeze(1))  # (M, 1)
        nll = -of_target.sum()
        loss = nll.clone()
        if smoothing > 0:
            uniform = -log_probs.sum() / logits.size(-1)
            loss = (1 - smoothing) * nll + smoothing * uniform
        num_right = (_best(log_probs) == targets).sum()
        ctx.save_for_backward(log_probs, targets)
        ctx.mark_non_differentiable(nll, num_right)
        ctx.smoothing, ctx.dtype = smoothing, logits.dtype  # type: ignore[attr-defined]
        return loss, nll, num_right

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> tuple[Tensor, None, None]:
        log_probs, targets = ctx.saved_tensors  # type: ignore[attr-defined]
        smoothing: float = ctx.smoothing  # type: ignore[attr-defined]
        gradient = log_probs.exp()
        if smoothing > 0:
            gradient -= smoothing / gradient.size(-1)
        at_target = targets.unsqueeze(1)
        gradient.scatter_add_(1, at_target, gradient.new_full(at_target.shape, smoothing - 1))
        return gradient.mul_(grads[0]).to(ctx.dtype), None, None  # type: ignore[attr-defined]


def _best(log_probs: Tensor) -> Tensor:
    """Return the likeliest id of each row, (M,)."""
    if log_probs.device.type == "cpu":
        return torch.from_numpy(log_probs.numpy().argmax(-1))  # 7 times as fast as torch's
    return log_probs.argmax(dim=-1)
