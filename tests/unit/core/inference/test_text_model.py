"""A model that says texts one after the other reads no common beginning twice."""

import itertools

import pytest
import torch

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.engine import Engine
from lumina_cli.core.inference.generate import generate
from lumina_cli.core.inference.speculative.speculator import Speculator
from lumina_cli.core.inference.text_model import TextModel
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.tokenizer.characters import CharacterTokenizer

CONFIG = SamplingConfig(sampler="nucleus", temperature=1.5, max_chars=10)


def said(text_model: TextModel, prompt: list[int], *, is_aside: bool = False) -> list[int]:
    generator = torch.Generator().manual_seed(0)
    chunks = text_model.stream(prompt, config=CONFIG, generator=generator, is_aside=is_aside)
    return [chunk.id for chunk in chunks]


def fresh(model: Transformer, tokenizer: CharacterTokenizer, prompt: list[int]) -> list[int]:
    generator = torch.Generator().manual_seed(0)
    chunks = generate(
        Engine(model), prompt, tokenizer=tokenizer, config=CONFIG, generator=generator
    )
    return [chunk.id for chunk in chunks]


def test_each_text_is_what_it_would_be_alone(
    model: Transformer, tokenizer: CharacterTokenizer
) -> None:
    text_model = TextModel(model, tokenizer=tokenizer)
    for prompt in ([1, 262, 263], [1, 262, 263, 264], [1, 270], [262 + n % 9 for n in range(50)]):
        for is_aside in (False, True):
            expected = fresh(model, tokenizer, prompt)
            assert said(text_model, prompt, is_aside=is_aside) == expected


def test_a_text_aside_leaves_the_context_as_it_was(
    model: Transformer, tokenizer: CharacterTokenizer
) -> None:
    text_model = TextModel(model, tokenizer=tokenizer)
    assert text_model.num_context_ids == 0
    num_said = len(said(text_model, [1, 262, 263]))
    read = list(text_model._row.ids)
    assert text_model.num_context_ids == len(read) == 3 + num_said - 1
    said(text_model, [1, 264], is_aside=True)
    assert text_model._row.ids == read
    assert text_model.num_context_ids == len(read)
    assert text_model._engine.rows == [text_model._row]


@pytest.mark.parametrize("is_aside", [False, True])
def test_a_text_that_is_closed_early_leaves_one_row(
    model: Transformer, tokenizer: CharacterTokenizer, is_aside: bool
) -> None:
    text_model = TextModel(model, tokenizer=tokenizer)
    generator = torch.Generator().manual_seed(0)
    chunks = text_model.stream([1, 262], config=CONFIG, generator=generator, is_aside=is_aside)
    expected = fresh(model, tokenizer, [1, 262])
    assert [chunk.id for chunk in itertools.islice(chunks, 3)] == expected[:3]
    chunks.close()  # type: ignore[attr-defined]  # it is a generator
    assert text_model._engine.rows == [text_model._row]
    assert said(text_model, [1, 262]) == expected


def test_slides_are_counted_aside_too(model: Transformer, tokenizer: CharacterTokenizer) -> None:
    text_model = TextModel(model, tokenizer=tokenizer)
    said(text_model, [1, 262])
    assert text_model.num_slides == 0
    full = [262 + n % 9 for n in range(32)]
    said(text_model, full)
    assert text_model.num_slides == 1
    said(text_model, full, is_aside=True)
    assert text_model.num_slides == 2


def test_draft_tokens_are_proposed_unless_a_config_forbids_it(
    model: Transformer, tokenizer: CharacterTokenizer
) -> None:
    assert TextModel(model, tokenizer=tokenizer).acceptance is None
    text_model = TextModel(model, tokenizer=tokenizer, speculator=Speculator())
    off = CONFIG.model_copy(update={"speculate": "off"})
    list(text_model.stream([1, 262], config=off, generator=torch.Generator()))
    assert text_model.acceptance is not None
    assert text_model.acceptance.num_chosen == 0
    num_said = len(said(text_model, [1, 262]))
    assert text_model.acceptance.num_chosen == num_said - 1


def test_a_search_reads_with_rows_of_its_own(
    model: Transformer, tokenizer: CharacterTokenizer
) -> None:
    text_model = TextModel(model, tokenizer=tokenizer)
    said(text_model, [1, 262])
    read = list(text_model._row.ids)
    beam = SamplingConfig(sampler="beam", num_beams=3, max_chars=4)
    search = text_model.beam_search([1, 263, 264], config=beam)
    assert len(search.run()[0].text) <= 4
    assert text_model._row.ids == read
    assert 3 <= text_model.num_context_ids <= 3 + 4
