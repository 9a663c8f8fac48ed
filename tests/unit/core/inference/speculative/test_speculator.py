"""Guessing changes the speed, never the text."""

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.engine import Engine, Row
from lumina_cli.core.inference.generate import generate
from lumina_cli.core.inference.sampling.filters import softmax
from lumina_cli.core.inference.speculative.ngram import build_ngram_table
from lumina_cli.core.inference.speculative.policy import SpeculationPolicy
from lumina_cli.core.inference.speculative.speculator import Acceptance, Speculator
from lumina_cli.core.inference.stopping import GenerationChunk
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.tokenizer.characters import CharacterTokenizer
from tests.unit.core.inference.composed import composed


class Always(SpeculationPolicy):
    """Guesses in every pass, so that all that can go wrong with draft tokens does."""

    def is_speculating(self) -> bool:
        return True

    def stop(self, *, num_chosen: int, num_draft_tokens: int) -> None:
        pass


class Told(Speculator):
    """Guesses what it is told to, over and over."""

    def __init__(self, ids: list[int]) -> None:
        super().__init__(policy=Always())
        self._told = itertools.cycle(ids)

    def propose(self, num_ids: int) -> list[int]:
        return [next(self._told) for _ in range(num_ids)]


def said(
    model: Transformer,
    tokenizer: CharacterTokenizer,
    *,
    seed: int = 0,
    speculator: Speculator | None = None,
    engine: Engine | None = None,
    row: Row | None = None,
    prompt: tuple[int, ...] = (1, 262, 264),
    **settings: object,
) -> list[GenerationChunk]:
    config = SamplingConfig.model_validate({"max_chars": 80, **settings})
    return list(
        generate(
            engine or Engine(model),
            list(prompt),
            tokenizer=tokenizer,
            config=config,
            generator=torch.Generator().manual_seed(seed),
            row=row,
            speculator=speculator,
        )
    )


SETTINGS: list[dict[str, object]] = [
    {"sampler": "greedy"},
    {"sampler": "nucleus", "temperature": 0.8},
    {"sampler": "nucleus", "temperature": 2.0, "top_p": 1.0},
    {"sampler": "top-k", "temperature": 1.0},
    {"sampler": "min-p", "temperature": 1.0, "repetition_penalty": 1.5},
    {"sampler": "greedy", "repetition_penalty": 1.3},
    {"sampler": "nucleus", "stop": ("ab", "h"), "temperature": 1.5},
    {"sampler": "nucleus", "max_chars": 5, "temperature": 1.5},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("seed", range(2))
def test_the_text_is_the_same_with_and_without_draft_tokens(
    model: Transformer, tokenizer: CharacterTokenizer, settings: dict[str, object], seed: int
) -> None:
    """It goes far beyond the context, in characters and in bytes."""
    alone = said(model, tokenizer, seed=seed, **settings)
    speculator = Speculator(policy=Always())
    with_draft_tokens = said(model, tokenizer, seed=seed, speculator=speculator, **settings)
    assert [(p.text, p.id) for p in with_draft_tokens] == [(p.text, p.id) for p in alone]
    assert all(
        math.isclose(one.logprob, other.logprob, abs_tol=1e-3)
        for one, other in zip(alone, with_draft_tokens, strict=True)
    )


def test_right_draft_tokens_save_passes(model: Transformer, tokenizer: CharacterTokenizer) -> None:
    alone = said(model, tokenizer, sampler="greedy", max_chars=20)
    speculator = Speculator(build_ngram_table(np.array([p.id for p in alone] * 3), max_bytes=4_000))
    speculator.policy = Always()
    again = said(model, tokenizer, sampler="greedy", max_chars=20, speculator=speculator)
    assert [p.id for p in again] == [p.id for p in alone]
    counts = speculator.acceptance
    assert counts.num_passes < len(alone) / 2
    assert counts.num_chosen == len(alone) - 1  # the first one comes from the prompt
    assert counts.rate is not None
    assert counts.rate > 0.3


def test_closing_a_text_early_leaves_the_row_whole(
    model: Transformer, tokenizer: CharacterTokenizer
) -> None:
    engine, speculator = Engine(model), Speculator(policy=Always())
    row = engine.admit()
    config = SamplingConfig(sampler="greedy", max_chars=30)

    def begin(prompt: list[int]) -> list[int]:
        chunks = generate(
            engine,
            prompt,
            tokenizer=tokenizer,
            config=config,
            generator=torch.Generator(),
            row=row,
            speculator=speculator,
        )
        return [chunk.id for chunk in itertools.islice(chunks, 10)]

    for prompt in ([1, 262, 263], [1, 262, 263, 264], [1, 265]):
        expected = said(model, tokenizer, prompt=tuple(prompt), sampler="greedy", max_chars=30)
        assert begin(prompt) == [chunk.id for chunk in expected][:10]


def small_model() -> tuple[Transformer, CharacterTokenizer]:
    """Three characters and the end are all it may say that is likely."""
    tokenizer = CharacterTokenizer("abc")
    config = ModelConfig(hidden_size=16, num_layers=1, num_heads=2, seq_length=24)
    generator = torch.Generator().manual_seed(3)
    model = build_model(config, vocab_size=tokenizer.vocab_size, generator=generator)
    with torch.no_grad():
        model.ln_f.weight[0], model.ln_f.bias[0] = 0, 1  # a constant, by which to rule out bytes
        model.lm_head.weight *= 40
        model.lm_head.weight[:, 0] = -30
        model.lm_head.weight[[5, 262, 263, 264], 0] = 0
    return model.eval(), tokenizer


def enumerated(
    model: Transformer, config: SamplingConfig, *, num_ids: int
) -> dict[tuple[int, ...], float]:
    """The exact probability of every text of `num_ids` ids, one id at a time by definition."""
    allowed = np.full(model.vocab_size, -np.inf)
    allowed[[5, 262, 263, 264]] = 0
    allowed[6 : 6 + 0x80] = 0
    texts: dict[tuple[int, ...], float] = {(): 1.0}
    for _ in range(num_ids):
        longer: dict[tuple[int, ...], float] = defaultdict(float)
        for text, probability in texts.items():
            if text and text[-1] == 5:
                longer[text] += probability
                continue
            with torch.inference_mode():
                logits = model(torch.tensor([[1, 262, *text]]))[0, -1].double().numpy()
            for id_, share in enumerate(softmax(composed(config, logits + allowed)).tolist()):
                if share:
                    longer[(*text, id_)] += probability * share
        texts = longer
    return texts


@pytest.mark.parametrize("guessed", [[262], [263, 262], [264, 5]])
def test_the_distribution_is_the_exact_one_whatever_is_guessed(guessed: list[int]) -> None:
    """Chi-square against exhaustive enumeration."""
    model, tokenizer = small_model()
    config = SamplingConfig(sampler="top-k", top_k=3, temperature=1.5, max_chars=3)
    expected = enumerated(model, config, num_ids=3)
    assert math.isclose(sum(expected.values()), 1)
    num_draws = 800
    speculator, engine = Told(guessed), Engine(model)
    row = engine.admit()
    counts: Counter[tuple[int, ...]] = Counter()
    for seed in range(num_draws):
        chunks = said(
            model,
            tokenizer,
            seed=seed,
            speculator=speculator,
            engine=engine,
            row=row,
            prompt=(1, 262),
            **config.model_dump(exclude={"seed"}),
        )
        counts[tuple(chunk.id for chunk in chunks)] += 1
    assert counts.keys() <= expected.keys()
    common = [text for text, probability in expected.items() if probability * num_draws >= 5]
    chi_square = sum(
        (counts[text] - expected[text] * num_draws) ** 2 / (expected[text] * num_draws)
        for text in common
    )
    degrees = len(common)
    assert degrees > 5
    assert chi_square < degrees + 3.5 * math.sqrt(2 * degrees) + 5  # beyond one in a thousand
    assert speculator.acceptance.num_accepted > 30


def test_passes_and_ids_are_counted_with_and_without_draft_tokens() -> None:
    speculator = Speculator(policy=Always())
    speculator.begin([1, 262])
    speculator.start()
    speculator.stop([262, 263], num_draft_tokens=7)
    speculator.start()
    speculator.stop([262], num_draft_tokens=0)
    assert speculator.acceptance == Acceptance(
        num_passes=2, num_chosen=3, num_draft_tokens=7, num_accepted=1
    )


def test_draft_tokens_follow_all_that_was_chosen_so_far() -> None:
    """What was chosen is learnt when the next draft is made."""
    speculator = Speculator(policy=Always())
    speculator.begin(list(range(300, 320)))
    for id_ in (1, *range(300, 309)):
        speculator.start()
        speculator.stop([id_], num_draft_tokens=0)
    assert speculator.propose(7) == list(range(309, 316))


def test_a_new_text_does_not_follow_the_last_one() -> None:
    speculator = Speculator(policy=Always())
    speculator.begin([*range(300, 320), *range(300, 310)])
    speculator.begin([1, 2])
    assert speculator.propose(3) == [2, 2, 2]  # nothing is known: anything will do


def test_of_a_long_prompt_only_what_the_model_reads_is_learnt(
    model: Transformer, tokenizer: CharacterTokenizer
) -> None:
    """A prompt file can hold a gigabyte."""
    begun: list[list[int]] = []

    class Watched(Speculator):
        def begin(self, ids: Sequence[int]) -> None:
            begun.append(list(ids))
            super().begin(ids)

    prompt = (1, *[262, 263, 264] * model.config.seq_length)
    chunks = said(model, tokenizer, prompt=prompt, speculator=Watched(), sampler="greedy")
    assert begun == [[*prompt[-model.config.seq_length :], chunks[0].id]]
