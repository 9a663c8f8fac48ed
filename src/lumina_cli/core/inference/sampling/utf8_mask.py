"""Which ids may come next, so that whatever is drawn is valid text."""

import numpy as np
import torch
from torch import Tensor

from lumina_cli.core.inference.sampling.filters import NEVER, Logits
from lumina_cli.tokenizer.base import Tokenizer


class Utf8Mask:
    """Biases to add to logits: 0 for an id that may come next, −inf for one that may not.

    Args:
        tokenizer: whose ids they are, V.
        device: where the logits are.
    """

    def __init__(self, tokenizer: Tokenizer, *, device: torch.device | str = "cpu") -> None:
        bias = np.where(tokenizer.next_id_mask(), 0, NEVER).astype(np.float32)
        self._rows: list[Logits] = list(bias)
        self._bias = torch.from_numpy(bias).to(device)

    def row(self, state: int) -> Logits:
        """Return the bias of one text, (V,), by its `StreamDecoder.state`."""
        return self._rows[state]

    def bias(self, states: list[int]) -> Tensor:
        """Return the bias of each text, (B, V), by its `StreamDecoder.state`."""
        return self._bias[states]
