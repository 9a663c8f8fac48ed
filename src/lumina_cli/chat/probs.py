"""How sure the model was of each character or piece of a reply, and what else it had in mind."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lumina_cli.core.inference.logprobs import score
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.io.terminal_text import strip_controls
from lumina_cli.tokenizer.base import Tokenizer


@dataclass(frozen=True, slots=True)
class CharacterProb:
    """How likely one character or piece of a reply was, and what else the model had in mind."""

    text: str
    prob: float
    top_probs: tuple[tuple[str, float], ...]


def character_probs(
    model: Transformer,
    prompt_ids: Sequence[int],
    reply: str,
    *,
    tokenizer: Tokenizer,
    output_ids: Sequence[int] | None = None,
    num_top_probs: int = 0,
) -> list[CharacterProb]:
    """Return how likely each character or piece of a reply was after a prompt.

    A character spelled in bytes is as likely as all of them, one after the other; beside it
    stands what might have been its first.

    Args:
        model: in `eval()` mode.
        prompt_ids: what stands before, at most the model's context.
        reply: the text.
        tokenizer: that of the model.
        output_ids: those that were drawn, where they are known: a text can be cut in many ways.
            The reply may lack control characters that they have, and may end within the last.
        num_top_probs: how many others to tell of each.
    """
    if output_ids is None:
        output_ids = tokenizer.encode(reply)
    scored = score(model, prompt_ids, output_ids, num_top_logprobs=num_top_probs)
    decoder = tokenizer.stream_decoder()
    characters: list[CharacterProb] = []
    prob, top_probs, num_left = 1.0, None, len(reply)
    for item in scored:
        prob *= math.exp(item.logprob)
        named = tuple((tokenizer.describe(id_), math.exp(p)) for id_, p in item.top_logprobs)
        top_probs = top_probs or named
        if not (text := decoder.decode(item.id)):
            continue
        if shown := strip_controls(text)[:num_left]:
            num_left -= len(shown)
            characters.append(CharacterProb(shown, prob, top_probs))
        prob, top_probs = 1.0, None
    return characters
