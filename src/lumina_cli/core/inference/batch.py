"""Many texts from one call, side by side."""

from collections.abc import Iterator, Sequence

import torch

from lumina_cli.core.inference.backends.backend import Backend
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.engine import Engine
from lumina_cli.core.inference.sampling.utf8_mask import Utf8Mask
from lumina_cli.core.inference.scheduler import Scheduler, rows_at_once
from lumina_cli.core.inference.sequence import SequenceState
from lumina_cli.core.inference.stopping import GenerationChunk
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.tokenizer.base import Tokenizer


def batch_generate(
    model: Transformer | Backend,
    prompts: Sequence[Sequence[int]],
    *,
    tokenizer: Tokenizer,
    config: SamplingConfig,
    generators: Sequence[torch.Generator],
    held_text: str = "",
) -> Iterator[list[GenerationChunk]]:
    """Yield what the model generates after each prompt, in their order: see `generate`.

    Args:
        model: in `eval()` mode, or a backend that reads for one.
        prompts: ids, each at least one, of any lengths; of more than the model's context the
            newest part is read.
        tokenizer: that of the model.
        config: how ids are chosen and where texts end.
        generators: one for each prompt, on the CPU.
        held_text: the end of each prompt that the first ids are held to: see `SequenceState`.

    Raises:
        LuminaError: the model's probabilities are not numbers.
    """
    utf8_mask = Utf8Mask(tokenizer)
    shape = model.config if isinstance(model, Transformer) else model.model.config
    max_rows = min(rows_at_once(shape), max(len(prompts), 1))
    scheduler = Scheduler(Engine(model, num_rows=max_rows), max_rows=max_rows)
    texts: dict[SequenceState, list[GenerationChunk]] = {}
    for prompt_ids, generator in zip(prompts, generators, strict=True):
        sequence = SequenceState(
            prompt_ids,
            tokenizer=tokenizer,
            config=config,
            generator=generator,
            utf8_mask=utf8_mask,
            held_text=held_text,
        )
        texts[sequence] = []
        scheduler.add(sequence, prompt_ids)
    for sequence, text in texts.items():
        while not sequence.has_ended:
            for each, chunks, error in scheduler.step():
                if error is not None:
                    raise error
                texts[each] += chunks
        yield text


def greedy_replies(
    model: Transformer | Backend,
    prompts: Sequence[Sequence[int]],
    *,
    tokenizer: Tokenizer,
    max_chars: int,
) -> list[str]:
    """Return the greedy reply to each prompt, at most `max_chars` characters long.

    Raises:
        LuminaError: the model's probabilities are not numbers.
    """
    output = batch_generate(
        model,
        prompts,
        tokenizer=tokenizer,
        config=SamplingConfig(sampler="greedy", max_chars=max_chars),
        generators=[torch.Generator()] * len(prompts),
    )
    return ["".join(chunk.text for chunk in chunks) for chunks in output]
