"""Filters on logits: each takes (B, V) and returns (B, V); what it rules out becomes −inf.

They compute what the logits processors of Hugging Face transformers do, ties included:
characters as likely as the last one kept by top-k stay, and of equally likely characters
top-p keeps as many as it needs. A NaN is never hidden: it stays in the result.

B batch, V vocabulary, S ids seen.
"""

from collections.abc import Callable, Iterable
from functools import partial, reduce

import torch
from torch import Tensor

from lumina_cli.core.sampling.config import SamplingConfig
from lumina_cli.tokenizer.ids import FIRST_BYTE

Filter = Callable[[Tensor], Tensor]

NEVER = -torch.inf


def repetition_penalty(logits: Tensor, seen: Tensor, *, penalty: float) -> Tensor:
    """Make ids that were seen less likely: divide a positive logit, multiply a negative one.

    Args:
        logits: (B, V).
        seen: ids, (B, S); one that stands twice is penalized once.
        penalty: 1 changes nothing.

    Source: Keskar et al. 2019, "CTRL".
    """
    score = logits.gather(1, seen)
    return logits.scatter(1, seen, torch.where(score < 0, score * penalty, score / penalty))


def temperature(logits: Tensor, *, value: float) -> Tensor:
    """Sharpen (below 1) or flatten (above 1) the distribution."""
    return logits / value


def top_k(logits: Tensor, *, k: int) -> Tensor:
    """Keep the k likeliest ids, and those as likely as the last of them."""
    least = logits.topk(min(k, logits.size(-1))).values[..., -1:]
    return logits.masked_fill(logits < least, NEVER)


def top_p(logits: Tensor, *, p: float) -> Tensor:
    """Keep the fewest likeliest ids whose probabilities together reach p, at least one.

    The id that crosses p is kept. The sum runs from the unlikely end, where it is exact.
    Source: Holtzman et al. 2019, "The Curious Case of Neural Text Degeneration".
    """
    ascending, order = logits.sort(dim=-1, stable=True)
    up_to_here = ascending.softmax(dim=-1).cumsum(dim=-1)
    ruled_out = up_to_here <= 1 - p
    ruled_out[..., -1] = False
    return logits.masked_fill(ruled_out.scatter(-1, order, ruled_out), NEVER)


def min_p(logits: Tensor, *, p: float) -> Tensor:
    """Keep ids at least p times as likely as the likeliest.

    Source: Nguyen et al. 2024, "Turning Up the Heat: Min-p Sampling".
    """
    probs = logits.softmax(dim=-1)
    return logits.masked_fill(probs < p * probs.amax(dim=-1, keepdim=True), NEVER)


def compose(config: SamplingConfig) -> Callable[[Tensor, Iterable[int]], Tensor]:
    """Return one function from logits, and the ids just before them, to what `config` leaves.

    It has the order of transformers: penalty, temperature, then the sampler's own filter.
    Greedy choice and beam search need nothing but the penalty.
    """
    filters: list[Filter] = []
    if not config.is_greedy and config.sampler != "beam":
        filters = [partial(temperature, value=config.temperature), _narrowing(config)]

    def narrow(logits: Tensor, recent: Iterable[int]) -> Tensor:
        if config.repetition_penalty != 1:
            # To end a turn, or to have ended one, is no repetition.
            said = [[id_ for id_ in recent if id_ >= FIRST_BYTE]]
            seen = torch.tensor(said, dtype=torch.long, device=logits.device)
            logits = repetition_penalty(logits, seen, penalty=config.repetition_penalty)
        return reduce(lambda kept, filter_: filter_(kept), filters, logits)

    return narrow


def _narrowing(config: SamplingConfig) -> Filter:
    match config.sampler:
        case "top-k":
            return partial(top_k, k=config.top_k)
        case "nucleus":
            return partial(top_p, p=config.top_p)
        case "min-p":
            return partial(min_p, p=config.min_p)
    raise AssertionError(config.sampler)
