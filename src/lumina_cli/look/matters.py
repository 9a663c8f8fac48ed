"""What mattered for one piece: what it would be worth without each of those before it.

T pieces.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from lumina_cli.core.model.trace import Trace, embed, run_variants, trace, unembed
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.look.pieces import Guess, Text
from lumina_cli.look.reading import Reading, guesses

MAX_HIDDEN = 128
"""Pieces hidden one by one; those before them are hidden together."""

_CHUNK = 8
"""Hidden at once, one in each variant: what stands before the second of them is not read again."""

NUM_GUESSES = 5
MATTERS = (
    "Measured, not guessed: each earlier piece was hidden, and the model asked again. "
    "Two that say the same stand in for each other, so that hiding one alone may change little."
)


@dataclass(frozen=True, slots=True)
class ContextPoint:
    """What the model gives the target when it reads only so many ids before it."""

    num_ids: int
    logprob: float


@dataclass(frozen=True, slots=True)
class MattersView:
    """How much each earlier piece mattered for one.

    To hide a piece is to let no other position read it, in any layer. The one that predicts reads
    itself: its embedding is emptied.

    Attributes:
        text: what was read.
        target: position of the piece that is explained.
        logprob: log p of the target with the whole context.
        deltas: what hiding each earlier piece changes: log p with all minus log p without it, for
            the positions 0 … target − 1; above 0 it spoke for the target, below 0 against it.
            None before `first_hidden`.
        first_hidden: where single hiding begins; what stands before is hidden all at once.
        delta_before: what hiding all before `first_hidden` changes; None where there is nothing.
        curve: log p by length of context, from one id to the whole.
        guesses: the five likeliest at the target's place.
        notes: as for `NextView`.
    """

    view: ClassVar[str] = "matters"
    text: Text
    target: int
    logprob: float
    deltas: list[float | None]
    first_hidden: int
    delta_before: float | None
    curve: list[ContextPoint]
    guesses: list[Guess]
    notes: list[str]


@torch.inference_mode()
def matters(
    model: Transformer, reading: Reading, *, target: int, max_hidden: int = MAX_HIDDEN
) -> MattersView:
    """Return how much each earlier piece mattered for the one at `target`.

    Args:
        model: in `eval()` mode, in fp32.
        reading: the text.
        target: a position from 1 on.
        max_hidden: how many pieces are hidden one by one, the nearest.
    """
    assert 0 < target < len(reading), (target, len(reading))
    start = max(0, target - model.config.seq_length)
    idx = torch.tensor(reading.ids[start:target], device=model.wte.weight.device)
    target_id, first = reading.ids[target], max(0, len(idx) - max_hidden)
    traced = trace(model, idx)
    logprobs = unembed(model, traced.residuals[-1, -1]).log_softmax(dim=-1)
    logprob = float(logprobs[target_id])
    without = [
        value
        for begin in range(first, len(idx) - 1, _CHUNK)
        for value in _without_each(model, traced, begin, target_id=target_id)
    ]
    without.append(_with_last_emptied(model, traced, target_id=target_id))
    top = logprobs.topk(min(NUM_GUESSES, len(logprobs)))
    return MattersView(
        text=reading.text(start),
        target=target - start,
        logprob=logprob,
        deltas=[*(None for _ in range(first)), *(logprob - value for value in without)],
        first_hidden=first,
        delta_before=(
            logprob - _without_all_before(model, traced, first, target_id=target_id)
            if first
            else None
        ),
        curve=[
            *(
                ContextPoint(size, _logprob(model, idx[-size:], target_id=target_id))
                for size in _sizes(len(idx))
            ),
            ContextPoint(len(idx), logprob),
        ],
        guesses=guesses(reading.tokenizer, top.indices.tolist(), top.values.exp().tolist()),
        notes=[MATTERS],
    )


def _without_each(model: Transformer, traced: Trace, begin: int, *, target_id: int) -> list[float]:
    """Return log p of the target without each of the positions from `begin` on, a chunk of them."""
    num_ids = traced.residuals.size(1)
    num = min(_CHUNK, num_ids - 1 - begin)
    hidden = torch.zeros(num, num_ids, dtype=torch.bool, device=traced.residuals.device)
    hidden[range(num), range(begin, begin + num)] = True
    x = traced.residuals[None, 0, begin + 1 :]  # nobody reads what `begin` itself becomes
    return _target_logprobs(model, traced, x, begin + 1, hidden=hidden, target_id=target_id)


def _with_last_emptied(model: Transformer, traced: Trace, *, target_id: int) -> float:
    """Return log p of the target where the position that predicts, and reads itself, is emptied."""
    at = traced.residuals.size(1) - 1
    x = embed(model, torch.zeros_like(traced.residuals[:1, :1]), start=at)
    return _target_logprobs(model, traced, x, at, target_id=target_id)[0]


def _without_all_before(model: Transformer, traced: Trace, first: int, *, target_id: int) -> float:
    x = traced.residuals[None, 0, first:]
    hidden = torch.arange(traced.residuals.size(1), device=x.device)[None] < first
    return _target_logprobs(model, traced, x, first, hidden=hidden, target_id=target_id)[0]


def _target_logprobs(
    model: Transformer,
    traced: Trace,
    x: Tensor,
    start: int,
    *,
    hidden: Tensor | None = None,
    target_id: int,
) -> list[float]:
    logits = run_variants(model, x, traced=traced, layer=0, start=start, hidden=hidden)
    logprobs: list[float] = logits.log_softmax(dim=-1)[:, target_id].tolist()
    return logprobs


def _logprob(model: Transformer, idx: Tensor, *, target_id: int) -> float:
    return float(model(idx.unsqueeze(0))[0, -1].log_softmax(dim=-1)[target_id])


def _sizes(num_ids: int) -> list[int]:
    """Return lengths of context, ever longer: 1, 2, 3, 4, 6, 8, 12, 16, … less than all."""
    sizes = {
        size for power in range(num_ids.bit_length()) for size in (2**power, 3 * 2**power // 2)
    }
    return sorted(size for size in sizes if size < num_ids)
