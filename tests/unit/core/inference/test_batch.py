"""Texts said side by side are what each would be alone."""

import pytest
import torch

from lumina_cli.core.inference.batch import batch_generate, greedy_replies
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.engine import Engine
from lumina_cli.core.inference.generate import generate
from lumina_cli.core.inference.scheduler import rows_at_once
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.errors import LuminaError
from lumina_cli.tokenizer.characters import CharacterTokenizer

CONFIG = SamplingConfig(sampler="nucleus", temperature=1.5, top_p=0.95, max_chars=40)


def generators(num_texts: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(text) for text in range(num_texts)]


def some_prompts() -> list[list[int]]:
    prompts = [[1, *(262 + (row * n) % 9 for n in range(1 + row % 7))] for row in range(14)]
    return [*prompts, [262 + n % 9 for n in range(50)]]  # one longer than the context


@pytest.mark.parametrize("config", [CONFIG, SamplingConfig(sampler="greedy", max_chars=45)])
def test_many_prompts_are_answered_as_each_alone(
    model: Transformer, tokenizer: CharacterTokenizer, config: SamplingConfig
) -> None:
    prompts = some_prompts()
    together = list(
        batch_generate(
            model, prompts, tokenizer=tokenizer, config=config, generators=generators(15)
        )
    )
    for prompt, generator, said in zip(prompts, generators(15), together, strict=True):
        alone = generate(
            Engine(model), prompt, tokenizer=tokenizer, config=config, generator=generator
        )
        assert [chunk.id for chunk in said] == [chunk.id for chunk in alone]
    lengths = {len(said) for said in together}
    assert len(lengths) > 2  # rows end at different moments


def test_a_text_depends_on_its_own_generator_alone(
    model: Transformer, tokenizer: CharacterTokenizer
) -> None:
    few, many = (
        list(
            batch_generate(
                model,
                [[1, 262]] * num_texts,
                tokenizer=tokenizer,
                config=CONFIG,
                generators=generators(num_texts),
            )
        )
        for num_texts in (3, 9)
    )
    assert [[chunk.id for chunk in said] for said in few] == [
        [chunk.id for chunk in said] for said in many[:3]
    ]


def test_no_prompts_no_replies(model: Transformer, tokenizer: CharacterTokenizer) -> None:
    assert greedy_replies(model, [], tokenizer=tokenizer, max_chars=3) == []


def test_a_model_whose_output_is_no_number_is_refused(tokenizer: CharacterTokenizer) -> None:
    config = ModelConfig(hidden_size=8, num_layers=1, num_heads=1, seq_length=8)
    broken = Transformer(config, vocab_size=tokenizer.vocab_size).eval()
    torch.nn.init.constant_(broken.ln_f.weight, torch.nan)
    with pytest.raises(LuminaError, match="not numbers"):
        greedy_replies(broken, [[1, 262]], tokenizer=tokenizer, max_chars=3)


def test_large_models_answer_fewer_at_once() -> None:
    assert rows_at_once(ModelConfig(hidden_size=64, num_layers=4, seq_length=128)) == 64
    assert rows_at_once(ModelConfig()) == 42  # 12.6 MB a row
    assert rows_at_once(ModelConfig(hidden_size=16_384, num_layers=128)) == 1
