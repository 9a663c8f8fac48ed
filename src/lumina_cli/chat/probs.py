"""How sure the model was of each character of a reply, and what else it had in mind."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lumina_cli.core.inference.logprobs import score
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.tokenizer.base import Tokenizer


@dataclass(frozen=True, slots=True)
class CharacterProb:
    """How likely one character of a reply was to the model, and what else it had in mind."""

    text: str
    prob: float
    top_probs: tuple[tuple[str, float], ...]


def character_probs(
    model: Transformer,
    prompt_ids: Sequence[int],
    reply: str,
    *,
    tokenizer: Tokenizer,
    num_top_probs: int = 0,
) -> list[CharacterProb]:
    """Return how likely each character of a reply was after a prompt.

    A character spelled in bytes is as likely as all of them, one after the other; beside it
    stands what might have been its first.
    """
    output_ids = tokenizer.encode(reply)
    scored = score(model, prompt_ids, output_ids, num_top_logprobs=num_top_probs)
    decoder = tokenizer.stream_decoder()
    characters: list[CharacterProb] = []
    prob, top_probs = 1.0, None
    for item in scored:
        prob *= math.exp(item.logprob)
        named = tuple((tokenizer.describe(id_), math.exp(p)) for id_, p in item.top_logprobs)
        top_probs = top_probs or named
        text = decoder.decode(item.id)
        if text:
            characters.append(CharacterProb(text, prob, top_probs))
            prob, top_probs = 1.0, None
    return characters
