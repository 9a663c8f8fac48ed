"""Texts said side by side: one pass of the model for all of them.

A pass over many rows takes hardly longer than over one, for the weights have to be fetched
either way. Each text is what it would be alone: its draws are its own, and no choice hangs
on how the logits were computed (see `samplers`).

B rows, V vocabulary.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from itertools import groupby

import torch

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.engine import Engine
from lumina_cli.core.inference.sequence import SequenceState, as_rows
from lumina_cli.core.inference.stopping import GenerationChunk
from lumina_cli.core.inference.utf8_mask import Utf8Mask
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.kernels.decoder import Decoder
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.tokenizer.base import Tokenizer

MAX_ROWS = 64
"""Texts said side by side: more gain little."""

MAX_CACHE_BYTES = 1 << 29
"""Keys and values of all rows together."""

_WORTH_CLOSING_UP = 0.75
"""Rows that have ended are given up when no more than this share goes on."""


def batch_generate(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    *,
    tokenizer: Tokenizer,
    config: SamplingConfig,
    generators: Sequence[torch.Generator],
) -> list[list[GenerationChunk]]:
    """Return what the model says after each prompt: see `generate`.

    Args:
        model: in `eval()` mode.
        prompts: ids, each at least one; of more than the model's context the newest part is
            read. Those of equal length are answered together.
        tokenizer: that of the model.
        config: how ids are chosen and where texts end.
        generators: one for each prompt, on the CPU.

    Raises:
        LuminaError: the model's probabilities are not numbers.
    """
    valid_text = Utf8Mask(tokenizer)
    said: list[list[GenerationChunk]] = [[] for _ in prompts]
    groups = sorted(_groups(prompts, config=model.config), key=len)
    for size, of_a_size in groupby(groups, key=len):
        decoder = Decoder(model, rows=(size,))
        for texts in of_a_size:
            speakers = {
                text: SequenceState(
                    prompts[text],
                    tokenizer=tokenizer,
                    config=config,
                    generator=generators[text],
                    valid_text=valid_text,
                )
                for text in texts
            }
            idx = torch.tensor([prompts[text][-model.config.seq_length :] for text in texts])
            reader = Engine(model, batch_size=size, decoder=decoder)
            _say_all(reader, idx, speakers=speakers, said=said)
    return said


def greedy_replies(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    *,
    tokenizer: Tokenizer,
    max_chars: int,
) -> list[str]:
    """Return the greedy reply to each prompt, at most `max_chars` characters long.

    Raises:
        LuminaError: the model's probabilities are not numbers.
    """
    said = batch_generate(
        model,
        prompts,
        tokenizer=tokenizer,
        config=SamplingConfig(sampler="greedy", max_chars=max_chars),
        generators=[torch.Generator()] * len(prompts),
    )
    return ["".join(piece.text for piece in pieces) for pieces in said]


def rows_at_once(config: ModelConfig) -> int:
    """Return how many texts are said side by side by a model of this shape."""
    row_bytes = 8 * config.num_layers * config.seq_length * config.hidden_size
    return max(1, min(MAX_ROWS, MAX_CACHE_BYTES // row_bytes))


def _groups(prompts: Sequence[Sequence[int]], *, config: ModelConfig) -> list[list[int]]:
    """Return the numbers of prompts to answer together: of equal length, not too many."""
    by_length: dict[int, list[int]] = defaultdict(list)
    for text, prompt in enumerate(prompts):
        by_length[min(len(prompt), config.seq_length)].append(text)
    size = rows_at_once(config)
    return [
        texts[start : start + size]
        for texts in by_length.values()
        for start in range(0, len(texts), size)
    ]


def _say_all(
    reader: Engine,
    idx: torch.Tensor,
    *,
    speakers: dict[int, SequenceState],
    said: list[list[GenerationChunk]],
) -> None:
    """Let all speakers say their texts after prompts of equal length, (B, T)."""
    rows = list(speakers)
    logits = as_rows(reader.read(idx))
    while True:
        for row, text in enumerate(rows):
            if not speakers[text].has_ended:
                again = partial(reader.read_anew, row=row)
                said[text] += speakers[text].say(logits[row], again=again)
        going_on = [row for row, text in enumerate(rows) if not speakers[text].has_ended]
        if not going_on:
            return
        if len(going_on) <= _WORTH_CLOSING_UP * len(rows):
            reader.select(torch.tensor(going_on))
            rows = [rows[row] for row in going_on]
        logits = as_rows(reader.append(torch.tensor([speakers[text].last for text in rows])))
