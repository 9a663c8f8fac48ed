"""One text as it is generated: which id comes next, what it completes, where the text ends."""

from collections import deque
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.held_text import HeldText
from lumina_cli.core.inference.sampling.filters import Logits
from lumina_cli.core.inference.sampling.sampler import Sampler
from lumina_cli.core.inference.sampling.utf8_mask import Utf8Mask
from lumina_cli.core.inference.stopping import FinishReason, GenerationChunk, StopChecker
from lumina_cli.tokenizer.base import Tokenizer

PENALIZED_IDS = 64
"""How far back the repetition penalty looks: further, and every letter would be penalized."""


class SequenceState:
    """Takes the logits of each position and chooses the ids, one after the other.

    Args:
        prompt_ids: what stands before, at least one id.
        held_text: the end of the prompt that is not among `prompt_ids`: the first ids say it, and
            what follows it there is the first of what is generated.
        tokenizer: that of the model.
        config: how ids are chosen and where the text ends.
        generator: where draws come from, on the CPU.
        utf8_mask: which ids may come when; texts side by side can share it.
        max_ids: the text ends after this many ids.
        logit_bias: what to add to the logits of all ids, (V,).
        num_top_logprobs: how many of the likeliest ids to tell of each position.

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
        max_ids: int | None = None,
        logit_bias: Logits | None = None,
        num_top_logprobs: int = 0,
        held_text: str = "",
    ) -> None:
        self.last_id = prompt_ids[-1]
        self._sampler = Sampler(config, generator=generator)
        self._utf8_mask = utf8_mask
        self._decoder = tokenizer.stream_decoder()
        self._stop_checker = StopChecker(
            max_chars=config.max_chars, stop=config.stop, max_ids=max_ids
        )
        self._recent = deque(prompt_ids[-PENALIZED_IDS:], maxlen=PENALIZED_IDS)
        self._logit_bias = logit_bias
        self._num_top_logprobs = num_top_logprobs
        self._held = HeldText.of(held_text, tokenizer=tokenizer)

    @property
    def has_ended(self) -> bool:
        """Whether the text is whole."""
        return self._stop_checker.reached

    @property
    def finish_reason(self) -> FinishReason | None:
        """Why the text ended; None as long as it goes on."""
        return self._stop_checker.finish_reason

    def push(self, logits: Logits) -> list[GenerationChunk] | None:
        """Choose the next id, and return what is certain to be text by now.

        None where rounding might decide which id it is; then `push_exact` goes on.

        Args:
            logits: (V,).

        Raises:
            LuminaError: the logits are not numbers.
        """
        id_ = self._sampler.sample(self._biased(logits), self._recent)
        return None if id_ is None else self._take(id_, logits)

    def push_exact(self, logits: Logits) -> list[GenerationChunk]:
        """Do what `push` does, with logits that depend on the text alone (`Engine.recompute`)."""
        return self._take(self._sampler.resample(self._biased(logits), self._recent), logits)

    def _biased(self, logits: Logits) -> Logits:
        biased: Logits = logits + self._utf8_mask.row(self._decoder.state)
        if self._held is not None:
            biased = biased + self._held.bias(len(logits))
        return biased if self._logit_bias is None else biased + self._logit_bias

    def _take(self, id_: int, logits: Logits) -> list[GenerationChunk]:
        self.last_id = id_
        self._recent.append(id_)
        logprob, top_logprobs = _logprobs(logits, id_, num_top=self._num_top_logprobs)
        text, is_held = self._decoder.decode(id_), self._held is not None
        if self._held is not None:
            self._held, text = self._held.after(id_, text)
        chunk = GenerationChunk(text, id_, logprob, top_logprobs)
        return self._stop_checker.push(chunk, is_of_prompt=is_held and not text)


def as_rows(logits: Tensor) -> Logits:
    """Return logits as NumPy sees them. Sync point."""
    rows: Logits = logits.cpu().numpy()
    return rows


def _logprobs(
    logits: Logits, id_: int, *, num_top: int
) -> tuple[float, tuple[tuple[int, float], ...]]:
    """Return the log-probability of an id, and the likeliest ids with theirs."""
    shifted = logits - logits.max()
    log_sum = np.log(np.exp(shifted).sum())
    logprob = float(shifted[id_] - log_sum)
    if not num_top:
        return logprob, ()
    num_top = min(num_top, len(logits))
    top = np.argpartition(logits, -num_top)[-num_top:]
    top = top[np.argsort(-logits[top], kind="stable")]
    return logprob, tuple(zip(top.tolist(), (shifted[top] - log_sum).tolist(), strict=True))
