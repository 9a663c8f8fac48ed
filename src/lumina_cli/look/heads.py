"""What heads look at, and what each is worth.

L layers, H heads, T pieces.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from lumina_cli.core.model.trace import (
    Trace,
    attention_maps,
    attention_rows,
    run_variants,
    trace,
    unembed,
)
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.look.pieces import Guess, Text
from lumina_cli.look.reading import Reading, guesses

Head = tuple[int, int]
"""Layer and head, both from 0."""

NUM_GUESSES = 5
MAX_MAP = 256
"""Positions of a whole attention map, at the end of the text."""

ATTENTION = (
    "Where a head looks is not what decides: the nats that the target costs without the head say "
    "what it is worth, and --matters says which pieces counted."
)


@dataclass(frozen=True, slots=True)
class HeadsView:
    """What the heads look at from one position, and what each is worth there.

    Attributes:
        text: what was read.
        position: the piece that looks; what it predicts stands behind it.
        target_id, target_label: what is predicted: the piece that came next, or the likeliest.
        rows: attention from `position`, (L, H, position + 1); each row sums to 1.
        deltas: nats that the target costs more without the head, (L, H); below 0 the head was in
            the way.
        off: heads that are switched off, [layer, head] each, both from 0.
        guesses: the five likeliest next with all heads.
        guesses_off: the same without the heads in `off`.
        maps: attention of every position, (L, H, T, T), where it was asked for.
        notes: as for `NextView`.
    """

    view: ClassVar[str] = "heads"
    text: Text
    position: int
    target_id: int
    target_label: str
    rows: list[list[list[float]]]
    deltas: list[list[float]]
    off: list[list[int]]
    guesses: list[Guess]
    guesses_off: list[Guess]
    maps: list[list[list[list[float]]]] | None
    notes: list[str]


@torch.inference_mode()
def heads(
    model: Transformer,
    reading: Reading,
    *,
    position: int,
    off: Sequence[Head] = (),
    with_maps: bool = False,
) -> HeadsView:
    """Return what heads look at from one position, and what each is worth there.

    Args:
        model: in `eval()` mode, in fp32.
        reading: the text.
        position: the piece that looks.
        off: heads to switch off.
        with_maps: whether to return the attention of all positions up to this one.
    """
    assert 0 <= position < len(reading), (position, len(reading))
    start = max(0, position + 1 - model.config.seq_length)
    idx = torch.tensor(reading.ids[start : position + 1], device=model.wte.weight.device)
    traced = trace(model, idx)
    logprobs = unembed(model, traced.residuals[-1, -1]).log_softmax(dim=-1)
    is_last = position + 1 == len(reading)
    target_id = int(logprobs.argmax()) if is_last else reading.ids[position + 1]
    logprobs_off = _without(model, traced, off).log_softmax(dim=-1) if off else logprobs
    return HeadsView(
        text=reading.text(start),
        position=position - start,
        target_id=target_id,
        target_label=reading.tokenizer.describe(target_id),
        rows=attention_rows(traced, len(idx) - 1).tolist(),
        deltas=[
            (logprobs[target_id] - each.log_softmax(dim=-1)[:, target_id]).tolist()
            for each in _without_each(model, traced)
        ],
        off=[list(head) for head in off],
        guesses=_best(reading, logprobs),
        guesses_off=_best(reading, logprobs_off),
        maps=attention_maps(traced)[:, :, -MAX_MAP:, -MAX_MAP:].tolist() if with_maps else None,
        notes=[ATTENTION],
    )


def _without(model: Transformer, traced: Trace, off: Sequence[Head]) -> Tensor:
    """Return the logits behind the text without some heads, (V,)."""
    on = torch.ones(1, model.config.num_layers, model.config.num_heads, device=traced.keys.device)
    for layer, head in off:
        on[0, layer, head] = 0
    first = min(layer for layer, _ in off)
    x = traced.residuals[None, first]
    return run_variants(model, x, traced=traced, layer=first, on=on)[0]


def _without_each(model: Transformer, traced: Trace) -> list[Tensor]:
    """Return the logits behind the text without each head: of each layer (H, V)."""
    num_layers, num_heads = model.config.num_layers, model.config.num_heads
    logits = []
    for layer in range(num_layers):
        on = torch.ones(num_heads, num_layers, num_heads, device=traced.keys.device)
        on[range(num_heads), layer, range(num_heads)] = 0
        x = traced.residuals[None, layer]
        logits.append(run_variants(model, x, traced=traced, layer=layer, on=on))
    return logits


def _best(reading: Reading, logprobs: Tensor) -> list[Guess]:
    top = logprobs.topk(min(NUM_GUESSES, len(logprobs)))
    return guesses(reading.tokenizer, top.indices.tolist(), top.values.exp().tolist())
