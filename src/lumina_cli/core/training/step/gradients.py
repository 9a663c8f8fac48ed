"""The gradients of a part of a batch: forward and backward, some windows at once.

B batch, T time, C hidden size, M positions that count, V vocabulary.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.precision import Precision
from lumina_cli.core.training.step.loss import LossSums, sum_losses
from lumina_cli.data.batches import Batch

Hidden = Callable[[Transformer, Tensor], Tensor]
"""Computes the last hidden states of ids: (B, T) → (B, T, C)."""


def add_gradients(
    model: Transformer,
    part: Batch,
    *,
    at_once: int,
    factor: float,
    hidden: Hidden,
    precision: Precision,
    label_smoothing: float,
    before_last: Callable[[], object] = lambda: None,
) -> tuple[Tensor, Tensor]:
    """Add the gradients of a part of a batch.

    Args:
        model: whose gradients.
        part: to learn from.
        at_once: windows, at most.
        factor: the gradients are those of the summed loss times this.
        hidden: computes the model up to its last layer.
        precision: in which it computes.
        label_smoothing: of the loss that is learnt from.
        before_last: called before the backward pass that completes the gradients.

    Returns:
        Its summed loss, and the number of ids that were right.
    """
    device = model.wte.weight.device
    nll = torch.zeros((), device=device)
    num_right = torch.zeros((), device=device, dtype=torch.int64)
    loss_of = partial(
        _forward, model, hidden=hidden, precision=precision, label_smoothing=label_smoothing
    )
    for start in range(0, len(part.inputs), at_once):
        sums = loss_of(part.rows(start, start + at_once))
        if start + at_once >= len(part.inputs):
            before_last()
        torch.autograd.backward(sums.loss * factor)
        nll += sums.nll
        num_right += sums.num_right
    return nll, num_right


def _forward(
    model: Transformer,
    batch: Batch,
    *,
    hidden: Hidden,
    precision: Precision,
    label_smoothing: float,
) -> LossSums:
    device = model.wte.weight.device
    inputs = torch.from_numpy(batch.inputs).to(device)  # (B, T)
    targets = torch.from_numpy(batch.targets[batch.in_loss]).to(device)  # (M,)
    chosen = torch.from_numpy(np.flatnonzero(batch.in_loss)).to(device)
    with precision.autocast():
        states = hidden(model, inputs).flatten(0, 1)  # (B · T, C)
        if len(chosen) < len(states):
            states = states.index_select(0, chosen)  # (M, C): only these need logits
        logits = model.lm_head(states)  # (M, V)
    return sum_losses(logits, targets, label_smoothing=label_smoothing)
