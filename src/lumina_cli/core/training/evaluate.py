"""What the model is worth on text it has not learnt from.

Quality is the summed loss of the text's ids, special ids apart, over the number of
characters that they stand for, without label smoothing. So the figures compare across
tokenizers and with published ones.

B batch, T time, C hidden size, M positions that count.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.precision import Precision
from lumina_cli.data.batches import Batch
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.special_ids import NUM_SPECIAL


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Quality on held-out text; accuracy is the share of ids predicted right."""

    nats_per_char: float
    accuracy: float
    characters: int

    @property
    def bits_per_char(self) -> float:
        return self.nats_per_char / math.log(2)


@torch.inference_mode()
def evaluate(
    model: Transformer, batches: Iterable[Batch], *, tokenizer: Tokenizer, precision: Precision
) -> Evaluation:
    """Measure `model`, which is left in the mode it was in.

    Args:
        model: on its device.
        batches: of the text.
        tokenizer: tells how many characters their ids stand for.
        precision: in which the model computes.

    Returns:
        The evaluation; its figures are NaN where no character counts.
    """
    was_training = model.training
    model.eval()
    total = np.zeros(4)
    try:
        for batch in batches:
            total += _measure(model, batch, tokenizer=tokenizer, precision=precision)
    finally:
        model.train(was_training)
    nats, num_right, num_ids, num_chars = total.tolist()
    return Evaluation(
        nats_per_char=nats / num_chars if num_chars else math.nan,
        accuracy=num_right / num_ids if num_ids else math.nan,
        characters=int(num_chars),
    )


def _measure(
    model: Transformer, batch: Batch, *, tokenizer: Tokenizer, precision: Precision
) -> tuple[float, float, int, int]:
    """Return nats, ids predicted right, ids and characters of one batch."""
    device = model.wte.weight.device
    said = batch.in_loss & (batch.targets >= NUM_SPECIAL)
    chosen = torch.from_numpy(said).to(device)
    targets = torch.from_numpy(batch.targets).to(device)[chosen]  # (M,)
    with precision.autocast():
        hidden = model.hidden(torch.from_numpy(batch.inputs).to(device))[chosen]  # (M, C)
        logits = model.lm_head(hidden)  # (M, V)
    nats = F.cross_entropy(logits.float(), targets, reduction="sum").item()
    num_right = (logits.argmax(dim=-1) == targets).sum().item()
    return nats, num_right, len(targets), tokenizer.num_chars(batch.targets[said])
