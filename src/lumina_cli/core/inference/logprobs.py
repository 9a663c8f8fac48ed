"""How likely each id of a text was to the model, and what it might have said instead.

T time, V vocabulary.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lumina_cli.core.inference.engine import num_kept
from lumina_cli.core.model.transformer import Transformer


class TokenLogprob(NamedTuple):
    """One id of a text.

    Attributes:
        id: the id.
        logprob: log of the model's own probability for it, before any filter.
        top_logprobs: the likeliest other ids and the logs of their probabilities, the likeliest
            first.
    """

    id: int
    logprob: float
    top_logprobs: tuple[tuple[int, float], ...]


@torch.inference_mode()
def score(
    model: Transformer,
    prompt_ids: Sequence[int],
    output_ids: Sequence[int],
    *,
    num_top_logprobs: int = 0,
) -> list[TokenLogprob]:
    """Return how likely each of `output_ids` was, read as while it was generated.

    It costs one pass for each context that `Engine` would have filled.

    Args:
        model: in `eval()` mode.
        prompt_ids: at least one id, at most the model's context.
        output_ids: ids.
        num_top_logprobs: how many others to return, for each id.
    """
    assert not model.training, "scoring wants model.eval()"
    seq_length = model.config.seq_length
    assert 1 <= len(prompt_ids) <= seq_length, (len(prompt_ids), seq_length)
    ids = torch.tensor([*prompt_ids, *output_ids], device=model.wte.weight.device)
    scored: list[TokenLogprob] = []
    start, first = 0, len(prompt_ids)  # of the context; of what it predicts
    while first < len(ids):
        end = min(start + seq_length, len(ids) - 1)
        logits = model(ids[start:end].unsqueeze(0))[0, first - start - 1 :]  # (T, V)
        scored += _scored(logits.float(), ids[first : end + 1], num_top_logprobs=num_top_logprobs)
        start, first = end + 1 - num_kept(seq_length), end + 1
    return scored


def _scored(logits: Tensor, idx: Tensor, *, num_top_logprobs: int) -> list[TokenLogprob]:
    logprobs = logits.log_softmax(dim=-1)
    likeliest = logprobs.topk(min(num_top_logprobs + 1, logprobs.size(-1)))
    scored = []
    for id_, logprob, other_ids, other_logprobs in zip(
        idx.tolist(),
        logprobs.gather(1, idx.unsqueeze(1)).squeeze(1).tolist(),
        likeliest.indices.tolist(),
        likeliest.values.tolist(),
        strict=True,
    ):
        others = [pair for pair in zip(other_ids, other_logprobs, strict=True) if pair[0] != id_]
        scored.append(TokenLogprob(id_, logprob, tuple(others[:num_top_logprobs])))
    return scored
