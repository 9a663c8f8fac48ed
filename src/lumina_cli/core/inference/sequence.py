"""One text as it is said: what comes next, whether it is a whole character, where it ends."""

from collections import deque
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.filters import Row
from lumina_cli.core.inference.sampler import Sampler
from lumina_cli.core.inference.stopping import GenerationChunk, StopChecker
from lumina_cli.core.inference.utf8_mask import Utf8Mask
from lumina_cli.tokenizer.base import Tokenizer

PENALIZED_IDS = 64
"""How far back the repetition penalty looks: further, and every letter would be penalized."""


class SequenceState:
    """Says one id after the other, given the logits of each.

    Args:
        prompt_ids: what stands before, at least one id.
        tokenizer: that of the model.
        config: how ids are chosen and where the text ends.
        generator: where draws come from, on the CPU.
        valid_text: which ids may come when; texts side by side can share it.
    """

    def __init__(
        self,
        prompt_ids: Sequence[int],
        *,
        tokenizer: Tokenizer,
        config: SamplingConfig,
        generator: torch.Generator,
        valid_text: Utf8Mask,
    ) -> None:
        self.last = prompt_ids[-1]
        self._chooser = Sampler(config, generator=generator)
        self._valid_text = valid_text
        self._decoder = tokenizer.stream_decoder()
        self._ending = StopChecker(max_chars=config.max_chars, stop=config.stop)
        self._recent = deque(prompt_ids, maxlen=PENALIZED_IDS)

    @property
    def has_ended(self) -> bool:
        """Whether the text is whole."""
        return self._ending.reached

    def say(self, logits: Row, *, again: Callable[[], Tensor]) -> list[GenerationChunk]:
        """Choose the next id, which is `last` then, and return what is certain to be text.

        Args:
            logits: (V,).
            again: returns them computed in the way that depends on the text alone, (1, V).

        Raises:
            LuminaError: the logits are not numbers.
        """
        bias = self._valid_text.row(self._decoder.state)
        self.last = id_ = self._chooser.choose(
            logits + bias, self._recent, again=lambda: as_rows(again())[0] + bias
        )
        self._recent.append(id_)
        return self._ending.push(
            GenerationChunk(self._decoder.decode(id_), id_, _logprob(logits, id_))
        )


def as_rows(logits: Tensor) -> Row:
    """Return logits as NumPy sees them. Sync point."""
    rows: Row = logits.cpu().numpy()
    return rows


def _logprob(logits: Row, id_: int) -> float:
    largest = logits.max()
    return float(logits[id_] - largest - np.log(np.exp(logits - largest).sum()))
