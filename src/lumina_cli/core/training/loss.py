"""The loss: cross entropy as a sum, so that parts of a batch add up to the whole.

M positions that count, V vocabulary.
"""

from typing import NamedTuple

import torch
from torch import Tensor
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
    log_probs = F.log_softmax(logits.float(), dim=-1)  # (M, V)
    nll = F.nll_loss(log_probs, targets, reduction="sum")
    loss = nll
    if label_smoothing > 0:
        uniform = -log_probs.sum() / logits.size(-1)
        loss = (1 - label_smoothing) * nll + label_smoothing * uniform
    with torch.no_grad():
        num_right = (logits.argmax(dim=-1) == targets).sum()
    return LossSums(loss, nll.detach(), num_right)
