"""Scores of a text are those it had while it was said, however often the context moved."""

import math

import pytest
import torch

from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.sampling.config import SamplingConfig
from lumina_cli.core.sampling.generate import generate
from lumina_cli.core.sampling.score import score
from lumina_cli.tokenizer.vocabulary import Vocabulary


@pytest.mark.parametrize("prompt_length", [1, 20, 31, 32])
@pytest.mark.parametrize("max_chars", [1, 12, 200])
def test_scores_are_the_probabilities_at_the_time(
    model: Transformer, vocabulary: Vocabulary, prompt_length: int, max_chars: int
) -> None:
    prompt = [262 + n % 9 for n in range(prompt_length)]
    said = list(
        generate(
            model,
            prompt,
            vocabulary=vocabulary,
            config=SamplingConfig(max_chars=max_chars, temperature=2, top_p=1),
            generator=torch.Generator().manual_seed(4),
        )
    )
    scored = score(model, prompt, [piece.id for piece in said])
    assert [item.id for item in scored] == [piece.id for piece in said]
    for item, piece in zip(scored, said, strict=True):
        assert math.isclose(item.prob, math.exp(piece.logprob), rel_tol=1e-3)


def test_runners_up_are_the_likeliest_others(model: Transformer) -> None:
    prompt, said = [1, 262, 263], [264]
    with torch.inference_mode():
        probs = model(torch.tensor([prompt]))[0, -1].softmax(-1)
    others = [(p, id_) for id_, p in enumerate(probs.tolist()) if id_ != 264]
    expected = [id_ for _, id_ in sorted(others, reverse=True)[:3]]
    [item] = score(model, prompt, said, num_runners_up=3)
    assert [id_ for id_, _ in item.runners_up] == expected


def test_nothing_said_has_no_scores(model: Transformer) -> None:
    assert score(model, [1, 262], []) == []
