"""The decoding loop, against re-reading the whole text for each id."""

import math

import pytest
import torch

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.engine import Engine, Row
from lumina_cli.core.inference.generate import generate
from lumina_cli.core.inference.sampling.utf8_mask import Utf8Mask
from lumina_cli.core.inference.speculative.speculator import Speculator
from lumina_cli.core.inference.stopping import GenerationChunk
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.errors import LuminaError
from lumina_cli.tokenizer.characters import CharacterTokenizer
from lumina_cli.tokenizer.special_ids import FIRST_CHARACTER, Special

PROMPT = [Special.BEGIN, 262, 264, 263]


def chunks(
    model: Transformer,
    prompt: list[int],
    *,
    tokenizer: CharacterTokenizer,
    seed: int = 0,
    engine: Engine | None = None,
    row: Row | None = None,
    speculator: Speculator | None = None,
    **settings: object,
) -> list[GenerationChunk]:
    config = SamplingConfig.model_validate({"max_chars": 100, **settings})
    generator = torch.Generator().manual_seed(seed)
    return list(
        generate(
            engine or Engine(model),
            prompt,
            tokenizer=tokenizer,
            config=config,
            generator=generator,
            row=row,
            speculator=speculator,
        )
    )


def text_of(said: list[GenerationChunk]) -> str:
    return "".join(chunk.text for chunk in said)


def full_logits(model: Transformer, ids: list[int]) -> torch.Tensor:
    with torch.inference_mode():
        return model(torch.tensor([ids]))[0, -1]


def naive_greedy(
    model: Transformer, prompt: list[int], *, tokenizer: CharacterTokenizer
) -> list[int]:
    """Greedy decoding within the context, without a cache."""
    ids, decoder, utf8_mask = list(prompt), tokenizer.stream_decoder(), Utf8Mask(tokenizer)
    while len(ids) < model.config.seq_length:
        bias = utf8_mask.bias([decoder.state])[0]
        ids.append(int((full_logits(model, ids) + bias).argmax()))
        decoder.decode(ids[-1])
        if ids[-1] == Special.END:
            break
    return ids[len(prompt) :]


def test_greedy_says_what_re_reading_everything_says(
    model: Transformer, tokenizer: CharacterTokenizer
) -> None:
    for first in range(262, 271):
        expected = naive_greedy(model, [1, first], tokenizer=tokenizer)
        said = chunks(model, [1, first], tokenizer=tokenizer, sampler="greedy")
        assert [chunk.id for chunk in said][: len(expected)] == expected


def test_logprobs_are_the_models_own(model: Transformer, tokenizer: CharacterTokenizer) -> None:
    said = chunks(model, PROMPT, tokenizer=tokenizer, temperature=2.0, top_p=1.0, seed=3)
    ids = list(PROMPT)
    for chunk in said[: model.config.seq_length - len(PROMPT)]:
        expected = full_logits(model, ids).log_softmax(-1)[chunk.id].item()
        assert math.isclose(chunk.logprob, expected, abs_tol=1e-4)
        ids.append(chunk.id)


@pytest.mark.parametrize("sampler", ["greedy", "top-k", "nucleus", "min-p"])
@pytest.mark.parametrize("seed", range(5))
def test_text_is_valid_at_every_moment_and_far_beyond_the_context(
    model: Transformer, tokenizer: CharacterTokenizer, sampler: str, seed: int
) -> None:
    said = chunks(
        model,
        [*PROMPT, 262 + seed],
        tokenizer=tokenizer,
        seed=seed,
        sampler=sampler,
        temperature=2.0,
        top_k=50,
        top_p=1.0,
        min_p=0.0,
        max_chars=5 * model.config.seq_length,
    )
    assert "\ufffd" not in text_of(said)
    text_of(said).encode()  # no surrogates
    reserved = {chunk.id for chunk in said if chunk.id < 6}
    assert reserved <= {Special.END}
    assert tokenizer.decode(chunk.id for chunk in said) == text_of(said)


def test_a_reply_ends_after_max_chars_at_a_whole_character(
    model: Transformer, tokenizer: CharacterTokenizer
) -> None:
    for seed in range(10):
        said = chunks(
            model, PROMPT, tokenizer=tokenizer, max_chars=7, temperature=2, top_p=1, seed=seed
        )
        ended = said[-1].id == Special.END
        assert len(text_of(said)) == 7 or (ended and len(text_of(said)) < 7)


def test_a_reply_ends_before_a_stop_text(model: Transformer, tokenizer: CharacterTokenizer) -> None:
    whole = text_of(chunks(model, PROMPT, tokenizer=tokenizer, sampler="greedy", max_chars=20))
    stop = whole[5:8]
    said = chunks(model, PROMPT, tokenizer=tokenizer, sampler="greedy", stop=(stop,))
    assert text_of(said) == whole[: whole.index(stop)]


def test_the_same_seed_says_the_same(model: Transformer, tokenizer: CharacterTokenizer) -> None:
    one, two, other = (chunks(model, PROMPT, tokenizer=tokenizer, seed=s) for s in (1, 1, 2))
    assert one == two
    assert one != other


def test_a_row_that_was_used_before_changes_nothing(
    model: Transformer, tokenizer: CharacterTokenizer
) -> None:
    engine = Engine(model)
    row = engine.admit()
    for prompt in ([1, 262, 263], [1, 262, 263, 264, 265], [1, 270], PROMPT):
        fresh = chunks(model, prompt, tokenizer=tokenizer, sampler="greedy")
        used = chunks(model, prompt, tokenizer=tokenizer, sampler="greedy", engine=engine, row=row)
        assert [chunk.id for chunk in used] == [chunk.id for chunk in fresh]


def test_of_a_prompt_beyond_the_context_the_newest_part_is_read(
    model: Transformer, tokenizer: CharacterTokenizer
) -> None:
    long = [262 + n % 9 for n in range(100)]
    newest = long[-model.config.seq_length :]
    assert chunks(model, long, tokenizer=tokenizer) == chunks(model, newest, tokenizer=tokenizer)


def test_the_consumer_is_not_in_inference_mode(
    model: Transformer, tokenizer: CharacterTokenizer
) -> None:
    for _ in generate(
        Engine(model),
        PROMPT,
        tokenizer=tokenizer,
        config=SamplingConfig(max_chars=2),
        generator=torch.Generator(),
    ):
        assert not torch.is_inference_mode_enabled()


def test_a_model_whose_output_is_no_number_is_refused(tokenizer: CharacterTokenizer) -> None:
    from lumina_cli.core.model.config import ModelConfig

    config = ModelConfig(hidden_size=8, num_layers=1, num_heads=1, seq_length=8)
    broken = Transformer(config, vocab_size=tokenizer.vocab_size).eval()
    torch.nn.init.constant_(broken.ln_f.weight, math.nan)
    with pytest.raises(LuminaError, match="not numbers"):
        chunks(broken, PROMPT, tokenizer=tokenizer)
    with pytest.raises(LuminaError, match="not numbers"):
        chunks(broken, PROMPT, tokenizer=tokenizer, speculator=Speculator())


def test_the_test_model_says_bytes_and_characters(
    model: Transformer, tokenizer: CharacterTokenizer
) -> None:
    """Otherwise the tests above would show nothing."""
    said = chunks(model, PROMPT, tokenizer=tokenizer, temperature=2, top_p=1, max_chars=100)
    assert any(chunk.id >= FIRST_CHARACTER for chunk in said)
    assert any(len(chunk.text.encode()) > 1 for chunk in said)
