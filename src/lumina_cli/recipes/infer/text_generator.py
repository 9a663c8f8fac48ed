"""Plain text continued, one text or several, by sampling or beam search."""

from collections.abc import Iterator

import torch

from lumina_cli.chat.context import CUT, MOVED_ON
from lumina_cli.core.inference.batch import batch_generate
from lumina_cli.core.inference.config import MAX_BEAMS
from lumina_cli.core.inference.speculative.speculator import Acceptance
from lumina_cli.core.inference.stopping import GenerationChunk
from lumina_cli.core.seeding import make_generator, new_seed
from lumina_cli.errors import UsageError
from lumina_cli.recipes.infer.loaded_model import LoadedModel
from lumina_cli.tokenizer.special_ids import Special


class TextGenerator:
    """Continues plain text, each time anew.

    Args:
        loaded: the model.
        prompt: text to continue, empty to begin one.
        num_texts: how many to make; in beam search the best ones, else as many draws.

    Raises:
        UsageError: more texts than beam search can follow.
    """

    def __init__(self, loaded: LoadedModel, prompt: str, num_texts: int) -> None:
        self.config = loaded.config
        if self.config.sampler == "beam":
            if num_texts > MAX_BEAMS:
                raise UsageError(
                    f"beam search follows at most {MAX_BEAMS} texts, not {num_texts}",
                    hint="Ask for fewer, or draw them: --sampler nucleus",
                )
            num_beams = max(self.config.num_beams, num_texts)
            update = {"num_beams": num_beams, "num_candidates": num_texts}
            self.config = self.config.model_copy(update=update)
        self.prompt = prompt
        self.num_texts = num_texts
        self._text_model = loaded.text_model()
        self._model, self._reader = loaded.file.model, loaded.reader
        self._tokenizer = loaded.file.tokenizer
        ids, self._held_text = self._tokenizer.without_open_end(self._tokenizer.encode(prompt))
        self._prompt_ids = [Special.BEGIN, *ids]
        self._outgrows = False

    @property
    def acceptance(self) -> Acceptance:
        """How much of the draft was accepted, so far."""
        return self._text_model.acceptance or Acceptance()

    @property
    def chars_per_id(self) -> float:
        """How many characters an id of usual text stands for."""
        return self._tokenizer.chars_per_id

    @property
    def _context_chars(self) -> int:
        return round(self._model.config.seq_length * self.chars_per_id)

    def notices(self) -> Iterator[str]:
        """Yield what there is to tell before the first text."""
        if len(self._prompt_ids) > self._model.config.seq_length:
            yield CUT.format(self._context_chars)
        if self.num_texts > 1 and self.config.is_greedy:
            yield "greedy makes the same text each time; use: --sampler nucleus"

    def last_notices(self) -> Iterator[str]:
        """Yield what there is to tell after the last text."""
        if self._outgrows:
            yield MOVED_ON.format(self._context_chars)

    def texts(self) -> Iterator[Iterator[GenerationChunk]]:
        """Yield each text in chunks; of a search cut short the best so far.

        A single text comes as it is generated; several are generated side by side.
        """
        if self.config.sampler == "beam":
            yield from self._likeliest()
            return
        seed = new_seed() if self.config.seed is None else self.config.seed
        if self.num_texts == 1:
            yield self._text_model.stream(
                self._prompt_ids,
                config=self.config,
                generator=make_generator(seed, "text 0"),
                held_text=self._held_text,
            )
            self._outgrows = self._text_model.num_slides > 0
            return
        generators = [make_generator(seed, f"text {n}") for n in range(self.num_texts)]
        yield from self._together(generators)

    def _together(self, generators: list[torch.Generator]) -> Iterator[Iterator[GenerationChunk]]:
        texts = batch_generate(
            self._reader,
            [self._prompt_ids] * len(generators),
            tokenizer=self._tokenizer,
            config=self.config,
            generators=generators,
            held_text=self._held_text,
        )
        size = self._model.config.seq_length
        for chunks in texts:
            # The last id is not read any more.
            self._outgrows |= min(len(self._prompt_ids), size) + len(chunks) - 1 > size
            yield iter(chunks)

    def _likeliest(self) -> Iterator[Iterator[GenerationChunk]]:
        search = self._text_model.beam_search(
            self._prompt_ids, config=self.config, held_text=self._held_text
        )
        try:
            search.run()
        finally:
            for candidate in search.best():
                size = self._model.config.seq_length
                self._outgrows |= candidate.outgrows(self._prompt_ids, seq_length=size)
                yield iter(candidate.chunks)
