"""What a text tells of each of its ids, and what may be asked of it beside its config."""

import numpy as np
import pytest
import torch

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.sampling.utf8_mask import Utf8Mask
from lumina_cli.core.inference.sequence import SequenceState
from lumina_cli.tokenizer.characters import CharacterTokenizer

TOKENIZER = CharacterTokenizer("abc")
GREEDY = SamplingConfig(sampler="greedy")


def sequence(**options: object) -> SequenceState:
    return SequenceState(
        [1],
        tokenizer=TOKENIZER,
        config=GREEDY,
        generator=torch.Generator(),
        utf8_mask=Utf8Mask(TOKENIZER),
        **options,  # type: ignore[arg-type]
    )


def logits(**of_letters: float) -> np.ndarray:
    """Of all ids −50 but for some letters."""
    values = np.full(TOKENIZER.vocab_size, -50.0, dtype=np.float32)
    for letter, value in of_letters.items():
        values[TOKENIZER.encode(letter)] = value
    return values


def test_the_likeliest_ids_are_told_with_the_models_own_probabilities() -> None:
    (chunk,) = sequence(num_top_logprobs=2).push(logits(a=1.0, b=2.0, c=0.0)) or []
    a, b = TOKENIZER.encode("ab")
    total = np.log(np.e + np.e**2 + 1)
    assert [id_ for id_, _ in chunk.top_logprobs] == [b, a]
    assert [logprob for _, logprob in chunk.top_logprobs] == pytest.approx([2 - total, 1 - total])
    assert chunk.logprob == pytest.approx(2 - total)


def test_none_are_told_unless_asked_for() -> None:
    (chunk,) = sequence().push(logits(a=1.0)) or []
    assert chunk.top_logprobs == ()


def test_a_bias_changes_the_choice_and_not_what_the_model_held_likely() -> None:
    bias = np.zeros(TOKENIZER.vocab_size, dtype=np.float32)
    bias[TOKENIZER.encode("c")] = 100
    (chunk,) = sequence(logit_bias=bias).push(logits(a=1.0, c=0.0)) or []
    assert chunk.text == "c"
    assert chunk.logprob == pytest.approx(-np.log(np.e + 1))


def test_a_text_ends_after_so_many_ids() -> None:
    text = sequence(max_ids=2)
    text.push(logits(a=1.0))
    assert text.finish_reason is None
    text.push(logits(b=1.0))
    assert (text.has_ended, text.finish_reason) == (True, "length")
