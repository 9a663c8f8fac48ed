"""A model ready to generate texts one after the other, that reads no common beginning twice."""

from collections.abc import Iterator, Sequence

import torch

from lumina_cli.core.inference.backends.backend import Backend
from lumina_cli.core.inference.beam import BeamSearch
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.engine import Engine
from lumina_cli.core.inference.generate import generate
from lumina_cli.core.inference.speculative.speculator import Acceptance, Speculator
from lumina_cli.core.inference.stopping import GenerationChunk
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.tokenizer.base import Tokenizer


class TextModel:
    """What a chat and `generate` ask for texts.

    Args:
        model: in `eval()` mode, or a backend that reads for one.
        tokenizer: that of the model.
        speculator: proposes draft tokens, where a config doesn't forbid it.

    Attributes:
        num_slides: how often a context was full and went on with its later half.
    """

    def __init__(
        self,
        model: Transformer | Backend,
        *,
        tokenizer: Tokenizer,
        speculator: Speculator | None = None,
    ) -> None:
        self._engine = self._newest = Engine(model)
        self.model = self._engine.model
        self.tokenizer = tokenizer
        self.seq_length = self.model.config.seq_length
        self.num_slides = 0
        self._speculator = speculator
        self._row = self._engine.admit()

    @property
    def acceptance(self) -> Acceptance | None:
        """How often draft tokens were right, so far; None where none are proposed."""
        return self._speculator.acceptance if self._speculator else None

    @property
    def num_context_ids(self) -> int:
        """Ids in the context of the last text."""
        rows = self._newest.rows
        return len(rows[0].ids) if rows else 0

    def stream(
        self,
        prompt_ids: Sequence[int],
        *,
        config: SamplingConfig,
        generator: torch.Generator,
        is_aside: bool = False,
        held_text: str = "",
    ) -> Iterator[GenerationChunk]:
        """Yield what the model generates after a prompt: see `generate`.

        Args:
            prompt_ids: at least one id.
            config: any sampler but beam search.
            generator: where draws come from.
            is_aside: whether the next text goes on from what was read before this one.
            held_text: the end of the prompt that the first ids are held to.
        """
        row = self._engine.fork(self._row) if is_aside else self._row
        num_slides = row.num_slides
        try:
            yield from generate(
                self._engine,
                prompt_ids,
                tokenizer=self.tokenizer,
                config=config,
                generator=generator,
                row=row,
                speculator=self._speculator if config.speculate == "auto" else None,
                held_text=held_text,
            )
        finally:
            self.num_slides += row.num_slides - num_slides
            if is_aside:
                self._engine.release(row)
            else:
                self._newest = self._engine

    def beam_search(
        self, prompt_ids: Sequence[int], *, config: SamplingConfig, held_text: str = ""
    ) -> BeamSearch:
        """Return a search that has not begun; it reads with rows of its own."""
        self._newest = engine = Engine(self._engine.backend, num_rows=config.num_beams)
        return BeamSearch(
            engine, prompt_ids, tokenizer=self.tokenizer, config=config, held_text=held_text
        )
