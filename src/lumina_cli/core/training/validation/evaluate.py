"""What the model is worth on text it has not learnt from.

Quality is the summed loss of the text's ids, special ids apart, over the number of
characters that they stand for, without label smoothing. So the figures compare across
tokenizers and with published ones.

B batch, T time, C hidden size, M positions that count.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.precision import Precision
from lumina_cli.data.batches import Batch
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.special_ids import NUM_SPECIAL

Predict = Callable[[Tensor, Tensor], Tensor]
"""From ids (B, T) and which positions count, (B, T), to the logits there, (M, V)."""


class Totals(NamedTuple):
    """Sums over texts: of nats, and numbers of ids predicted right, of ids, of characters."""

    nats: float = 0.0
    num_right: float = 0.0
    num_ids: float = 0.0
    num_chars: float = 0.0


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Quality on held-out text; accuracy is the share of ids predicted right."""

    nats_per_char: float
    accuracy: float
    characters: int

    @property
    def bits_per_char(self) -> float:
        return self.nats_per_char / math.log(2)

    @classmethod
    def of(cls, totals: Totals) -> "Evaluation":
        """Return the means; NaN where no character counts."""
        return cls(
            nats_per_char=totals.nats / totals.num_chars if totals.num_chars else math.nan,
            accuracy=totals.num_right / totals.num_ids if totals.num_ids else math.nan,
            characters=int(totals.num_chars),
        )


def evaluate(
    model: Transformer,
    batches: Iterable[Batch],
    *,
    tokenizer: Tokenizer,
    precision: Precision,
    predict: Predict | None = None,
) -> Evaluation:
    """Return what a model is worth; see `measure`."""
    return Evaluation.of(
        measure(model, batches, tokenizer=tokenizer, precision=precision, predict=predict)
    )


@torch.inference_mode()
def measure(
    model: Transformer,
    batches: Iterable[Batch],
    *,
    tokenizer: Tokenizer,
    precision: Precision,
    predict: Predict | None = None,
) -> Totals:
    """Return the sums over batches; the model is left in the mode it was in.

    Args:
        model: on its device.
        batches: of the text.
        tokenizer: tells how many characters their ids stand for.
        precision: in which the model computes.
        predict: what computes in its place.
    """
    predict = predict or (lambda idx, chosen: model.lm_head(model.hidden(idx)[chosen]))
    was_training = model.training
    model.eval()
    total = np.zeros(4)
    try:
        for batch in batches:
            with precision.autocast():
                total += _measure_batch(
                    predict, batch, tokenizer=tokenizer, device=model.wte.weight.device
                )
    finally:
        model.train(was_training)
    return Totals(*total.tolist())


def _measure_batch(
    predict: Predict, batch: Batch, *, tokenizer: Tokenizer, device: torch.device
) -> tuple[float, float, int, int]:
    """Return nats, ids predicted right, ids and characters of one batch."""
    is_counted = batch.in_loss & (batch.targets >= NUM_SPECIAL)
    chosen = torch.from_numpy(is_counted).to(device)
    targets = torch.from_numpy(batch.targets).to(device)[chosen]  # (M,)
    logits = predict(torch.from_numpy(batch.inputs).to(device), chosen)  # (M, V)
    nats = F.cross_entropy(logits.float(), targets, reduction="sum").item()
    num_right = (logits.argmax(dim=-1) == targets).sum().item()
    return nats, num_right, len(targets), tokenizer.num_chars(batch.targets[is_counted])
