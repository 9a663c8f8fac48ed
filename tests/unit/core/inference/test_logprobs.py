"""Scores of a text are those it had while it was said, however often the context moved."""

import math
from typing import Literal

import pytest
import torch

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.engine import Engine
from lumina_cli.core.inference.generate import generate
from lumina_cli.core.inference.logprobs import score
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.tokenizer.characters import CharacterTokenizer


@pytest.mark.parametrize("prompt_length", [1, 20, 31, 32])
@pytest.mark.parametrize("max_chars", [1, 12, 200])
def test_scores_are_the_probabilities_at_the_time(
    model: Transformer, tokenizer: CharacterTokenizer, prompt_length: int, max_chars: int
) -> None:
    prompt = [262 + n % 9 for n in range(prompt_length)]
    said = list(
        generate(
            Engine(model),
            prompt,
            tokenizer=tokenizer,
            config=SamplingConfig(max_chars=max_chars, temperature=2, top_p=1),
            generator=torch.Generator().manual_seed(4),
        )
    )
    scored = score(model, prompt, [chunk.id for chunk in said])
    assert [item.id for item in scored] == [chunk.id for chunk in said]
    for item, chunk in zip(scored, said, strict=True):
        assert math.isclose(item.logprob, chunk.logprob, abs_tol=1e-3)


@pytest.mark.parametrize("position_encoding", ["sinusoidal", "rotary"])
def test_scores_hold_in_a_context_of_odd_length_too(
    tokenizer: CharacterTokenizer, position_encoding: Literal["sinusoidal", "rotary"]
) -> None:
    config = ModelConfig(
        hidden_size=16,
        num_layers=1,
        num_heads=2,
        seq_length=11,
        position_encoding=position_encoding,
    )
    odd = build_model(config, vocab_size=271, generator=torch.Generator().manual_seed(0)).eval()
    torch.nn.init.normal_(odd.lm_head.weight, generator=torch.Generator().manual_seed(1))
    said = list(
        generate(
            Engine(odd),
            [1, 262],
            tokenizer=tokenizer,
            config=SamplingConfig(max_chars=60, temperature=2, top_p=1),
            generator=torch.Generator().manual_seed(2),
        )
    )
    assert len(said) > 2 * config.seq_length
    scored = score(odd, [1, 262], [chunk.id for chunk in said])
    for item, chunk in zip(scored, said, strict=True):
        assert math.isclose(item.logprob, chunk.logprob, abs_tol=1e-3)


def test_top_logprobs_are_the_likeliest_others(model: Transformer) -> None:
    prompt, said = [1, 262, 263], [264]
    with torch.inference_mode():
        probs = model(torch.tensor([prompt]))[0, -1].softmax(-1)
    others = [(p, id_) for id_, p in enumerate(probs.tolist()) if id_ != 264]
    expected = [id_ for _, id_ in sorted(others, reverse=True)[:3]]
    [item] = score(model, prompt, said, num_top_logprobs=3)
    assert [id_ for id_, _ in item.top_logprobs] == expected


def test_nothing_said_has_no_scores(model: Transformer) -> None:
    assert score(model, [1, 262], []) == []
