"""How likely each id of a text was to the model, and what it might have said instead.

T time, V vocabulary.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lumina_cli.core.inference.engine import num_kept
from lumina_cli.core.model.transformer import Transformer


class Scored(NamedTuple):
    """One id of a text.

    Attributes:
        id: the id.
        prob: the model's own probability for it, before any filter.
        runners_up: the likeliest other ids and their probabilities, the likeliest first.
    """

    id: int
    prob: float
    runners_up: tuple[tuple[int, float], ...]


@torch.inference_mode()
def score(
    model: Transformer, prompt_ids: Sequence[int], said: Sequence[int], *, num_runners_up: int = 0
) -> list[Scored]:
    """Return how likely each id of `said` was after `prompt_ids`, read as while saying it.

    It costs one pass for each context that `Engine` would have filled.

    Args:
        model: in `eval()` mode.
        prompt_ids: at least one id, at most the model's context.
        said: ids.
        num_runners_up: how many others to tell of, for each id.
    """
    assert not model.training, "scoring wants model.eval()"
    seq_length = model.config.seq_length
    assert 1 <= len(prompt_ids) <= seq_length, (len(prompt_ids), seq_length)
    ids = torch.tensor([*prompt_ids, *said], device=model.wte.weight.device)
    scored: list[Scored] = []
    start, first = 0, len(prompt_ids)  # of the context; of what it predicts
    while first < len(ids):
        end = min(start + seq_length, len(ids) - 1)
        logits = model(ids[start:end].unsqueeze(0))[0, first - start - 1 :]  # (T, V)
        scored += _scored(logits.float(), ids[first : end + 1], num_runners_up=num_runners_up)
        start, first = end + 1 - num_kept(seq_length), end + 1
    return scored


def _scored(logits: Tensor, idx: Tensor, *, num_runners_up: int) -> list[Scored]:
    probs = logits.softmax(dim=-1)
    likeliest = probs.topk(min(num_runners_up + 1, probs.size(-1)))
    scored = []
    for id_, prob, other_ids, other_probs in zip(
        idx.tolist(),
        probs.gather(1, idx.unsqueeze(1)).squeeze(1).tolist(),
        likeliest.indices.tolist(),
        likeliest.values.tolist(),
        strict=True,
    ):
        others = [pair for pair in zip(other_ids, other_probs, strict=True) if pair[0] != id_]
        scored.append(Scored(id_, prob, tuple(others[:num_runners_up])))
    return scored
