"""Beam search: the likeliest whole text, instead of the likeliest next character.

B beams, V vocabulary, L beams still live.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.engine import Engine
from lumina_cli.core.inference.held_text import HeldText
from lumina_cli.core.inference.sampling.sampler import refuse_unusable
from lumina_cli.core.inference.sampling.utf8_mask import Utf8Mask
from lumina_cli.core.inference.stopping import GenerationChunk, StopChecker
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.special_ids import Special
from lumina_cli.tokenizer.stream_decoder import StreamDecoder


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finished text and its score, the higher the likelier."""

    chunks: tuple[GenerationChunk, ...]
    score: float

    @property
    def text(self) -> str:
        return "".join(chunk.text for chunk in self.chunks)

    def outgrows(self, prompt_ids: Sequence[int], *, seq_length: int) -> bool:
        """Whether a context of that length was too short to say it; the last id is not read."""
        return min(len(prompt_ids), seq_length) + len(self.chunks) - 1 > seq_length


@dataclass(frozen=True, slots=True)
class _Beam:
    """What one beam has generated: its chunks, their text and their log-probability."""

    chunks: tuple[GenerationChunk, ...]
    text: str
    logprob: float
    decoder: StreamDecoder
    held: HeldText | None = None

    def extended(self, id_: int, *, logprob: float) -> "_Beam":
        decoder = self.decoder.copy()
        held, text = None, decoder.decode(id_)
        if self.held is not None:
            held, text = self.held.after(id_, text)
        chunk = GenerationChunk(text, id_, logprob - self.logprob)
        return _Beam((*self.chunks, chunk), self.text + chunk.text, logprob, decoder, held)

    def has_ended(self, config: SamplingConfig) -> bool:
        return (
            self.chunks[-1].id == Special.END
            or len(self.text) >= config.max_chars
            or any(stop in self.text for stop in config.stop)
        )

    def score(self, length_penalty: float) -> float:
        return self.logprob / math.pow(len(self.chunks), length_penalty)

    def best_attainable(self, config: SamplingConfig, *, max_ids: int) -> float:
        """Return the score that no continuation can exceed: one that costs nothing more."""
        if config.length_penalty <= 0:
            return self.score(config.length_penalty)
        return self.logprob / math.pow(max_ids, config.length_penalty)


class BeamSearch:
    """A search that goes on step by step, and knows the best found so far at any moment.

    Follows the `num_beams` likeliest beginnings. The score of a text is its log-probability
    divided by (number of ids) ^ length_penalty. The search ends when no live beam can still
    come among the best, so with enough beams it finds what exhaustive search does; above a
    length penalty of 0 that means going on to `max_chars`.

    Args:
        engine: of the model, with no other rows than those of the last search, which keep what
            was read.
        prompt_ids: what stands before, at least one id; of more than the model's context the
            newest part is read.
        tokenizer: that of the model.
        config: how wide to search and where texts end.
        held_text: the end of the prompt that the first ids are held to: see `SequenceState`.
    """

    def __init__(
        self,
        engine: Engine,
        prompt_ids: Sequence[int],
        *,
        tokenizer: Tokenizer,
        config: SamplingConfig,
        held_text: str = "",
    ) -> None:
        self._engine = engine
        self._prompt_ids = prompt_ids
        self._tokenizer = tokenizer
        self._config = config
        # and <|end|>, and the ids that are held to the prompt's end
        self._max_ids = tokenizer.max_ids_per_char * config.max_chars + 1 + len(held_text)
        held = HeldText.of(held_text, tokenizer=tokenizer)
        self._live = [_Beam((), "", 0.0, tokenizer.stream_decoder(), held)]
        self._finished: list[_Beam] = []

    @torch.inference_mode()
    def run(self) -> list[Candidate]:
        """Search to the end and return the `num_candidates` best texts, the best first.

        Raises:
            LuminaError: the model's probabilities are not numbers.
        """
        config, engine = self._config, self._engine
        utf8_mask = Utf8Mask(self._tokenizer, device=engine.model.wte.weight.device)
        logits = self._prefill()
        while True:
            bias = utf8_mask.bias([beam.decoder.state for beam in self._live])
            logprobs = logits[: len(self._live)].log_softmax(dim=-1) + bias  # (L, V)
            for row, beam in zip(logprobs, self._live, strict=True):
                if beam.held is not None:
                    row += torch.from_numpy(beam.held.bias(len(row))).to(row.device)
            refuse_unusable(logprobs)
            parents, live = _extend(self._live, logprobs, finished=self._finished, config=config)
            self._live = live
            if not live or self._is_settled():
                return self.best()
            engine.reorder(parents)
            newest = [beam.chunks[-1].id for beam in live]
            logits = engine.decode(engine.rows[: len(live)], newest)

    def _prefill(self) -> Tensor:
        """Read the prompt in one row, and let the other beams begin with the same, (1, V)."""
        rows = self._engine.rows
        logits = self._engine.prefill(rows[0] if rows else self._engine.admit(), self._prompt_ids)
        while len(rows) > 1:
            self._engine.release(rows[-1])
        for _ in range(self._config.num_beams - 1):
            self._engine.fork(rows[0])
        return logits

    def best(self) -> list[Candidate]:
        """Return the best texts found so far; while none is whole, the likeliest beginnings."""
        config = self._config
        found = self._finished or [beam for beam in self._live if beam.chunks]
        ordered = sorted(found, key=lambda beam: -beam.score(config.length_penalty))
        return [_candidate(beam, config=config) for beam in ordered[: config.num_candidates]]

    def _is_settled(self) -> bool:
        """Whether no live beam can still come among the candidates."""
        config, max_ids = self._config, self._max_ids
        if len(self._finished) < config.num_candidates:
            return False
        scores = sorted((b.score(config.length_penalty) for b in self._finished), reverse=True)
        attainable = max(beam.best_attainable(config, max_ids=max_ids) for beam in self._live)
        return scores[config.num_candidates - 1] >= attainable


def _extend(
    live: list[_Beam], logprobs: Tensor, *, finished: list[_Beam], config: SamplingConfig
) -> tuple[list[int], list[_Beam]]:
    """Extend the live beams by one id: put those that end to `finished`, return the rest.

    Returns:
        for each beam that lives on, the number of the beam it extends; and the beams.
    """
    L, V = logprobs.shape
    before = torch.tensor([beam.logprob for beam in live], dtype=torch.float64)
    # float64, on the CPU: MPS has none.
    total = before.unsqueeze(1) + logprobs.cpu()  # (L, V)
    # At most one extension of each beam is <|end|>, so 2 B hold B that are not.
    best = total.flatten().topk(min(2 * config.num_beams, L * V))
    parents: list[int] = []
    grown: list[_Beam] = []
    for logprob, place in zip(best.values.tolist(), best.indices.tolist(), strict=True):
        if logprob == -torch.inf or len(grown) == config.num_beams:
            break
        parent, id_ = divmod(place, V)
        beam = live[parent].extended(id_, logprob=logprob)
        if beam.has_ended(config):
            finished.append(beam)
        else:
            parents.append(parent)
            grown.append(beam)
    return parents, grown


def _candidate(beam: _Beam, *, config: SamplingConfig) -> Candidate:
    stop_checker = StopChecker(max_chars=config.max_chars, stop=config.stop)
    chunks = [chunk for each in beam.chunks for chunk in stop_checker.push(each)]
    return Candidate(tuple(chunks), beam.score(config.length_penalty))
