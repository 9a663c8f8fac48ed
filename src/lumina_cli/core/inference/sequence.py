"""One text as it is generated: which id comes next, what it completes, where the text ends."""

from collections import deque
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.sampling.filters import Logits
from lumina_cli.core.inference.sampling.sampler import Sampler
from lumina_cli.core.inference.sampling.utf8_mask import Utf8Mask
from lumina_cli.core.inference.stopping import GenerationChunk, StopChecker
from lumina_cli.tokenizer.base import Tokenizer

PENALIZED_IDS = 64
"""How far back the repetition penalty looks: further, and every letter would be penalized."""


class SequenceState:
    """Takes the logits of each position and chooses the ids, one after the other.

    Args:
        prompt_ids: what stands before, at least one id.
        tokenizer: that of the model.
        config: how ids are chosen and where the text ends.
        generator: where draws come from, on the CPU.
        utf8_mask: which ids may come when; texts side by side can share it.

    Attributes:
        last_id: the newest id.
    """

    def __init__(
        self,
        prompt_ids: Sequence[int],
        *,
        tokenizer: Tokenizer,
        config: SamplingConfig,
        generator: torch.Generator,
        utf8_mask: Utf8Mask,
    ) -> None:
        self.last_id = prompt_ids[-1]
        self._sampler = Sampler(config, generator=generator)
        self._utf8_mask = utf8_mask
        self._decoder = tokenizer.stream_decoder()
        self._stop_checker = StopChecker(max_chars=config.max_chars, stop=config.stop)
        self._recent = deque(prompt_ids, maxlen=PENALIZED_IDS)

    @property
    def has_ended(self) -> bool:
        """Whether the text is whole."""
        return self._stop_checker.reached

    def push(self, logits: Logits) -> list[GenerationChunk] | None:
        """Choose the next id, and return what is certain to be text by now.

        None where rounding might decide which id it is; then `push_exact` goes on.

        Args:
            logits: (V,).

        Raises:
            LuminaError: the logits are not numbers.
        """
        id_ = self._sampler.sample(logits + self._mask(), self._recent)
        return None if id_ is None else self._take(id_, logits)

    def push_exact(self, logits: Logits) -> list[GenerationChunk]:
        """Do what `push` does, with logits that depend on the text alone (`Engine.recompute`)."""
        return self._take(self._sampler.resample(logits + self._mask(), self._recent), logits)

    def _mask(self) -> Logits:
        return self._utf8_mask.row(self._decoder.state)

    def _take(self, id_: int, logits: Logits) -> list[GenerationChunk]:
        self.last_id = id_
        self._recent.append(id_)
        chunk = GenerationChunk(self._decoder.decode(id_), id_, _logprob(logits, id_))
        return self._stop_checker.push(chunk)


def as_rows(logits: Tensor) -> Logits:
    """Return logits as NumPy sees them. Sync point."""
    rows: Logits = logits.cpu().numpy()
    return rows


def _logprob(logits: Logits, id_: int) -> float:
    largest = logits.max()
    return float(logits[id_] - largest - np.log(np.exp(logits - largest).sum()))
