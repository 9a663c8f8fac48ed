"""Draws have the probabilities of the logits, and what is no probability is refused."""

import math

import pytest
import torch

from lumina_cli.core.sampling.config import SamplingConfig
from lumina_cli.core.sampling.filters import compose
from lumina_cli.core.sampling.samplers import draw, greedy, make_sampler, refuse_unusable
from lumina_cli.errors import LuminaError

NUM_DRAWS = 100_000

CHI_SQUARE_999 = {1: 10.83, 2: 13.82, 4: 18.47, 9: 27.88}
"""What chi-square exceeds once in a thousand, by degrees of freedom, from a printed table."""


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_greedy_takes_the_first_of_the_likeliest() -> None:
    assert greedy(torch.tensor([[0.0, 2.0, 2.0], [1.0, 0.0, -5.0]])).tolist() == [1, 0]


@pytest.mark.parametrize(
    "config",
    [
        SamplingConfig(sampler="nucleus", top_p=1.0, temperature=1.0),
        SamplingConfig(sampler="nucleus", top_p=0.9, temperature=0.8),
        SamplingConfig(sampler="top-k", top_k=5, temperature=1.3),
        SamplingConfig(sampler="min-p", min_p=0.3, temperature=2.0),
    ],
    ids=lambda config: config.sampler,
)
def test_frequencies_match_the_probabilities(config: SamplingConfig) -> None:
    logits = torch.randn(1, 10, generator=generator(1)).double()
    kept = compose(config)(logits, [])
    idx = draw(kept.expand(NUM_DRAWS, -1), generator=generator())
    seen = torch.bincount(idx, minlength=10).double()
    expected = kept[0].softmax(dim=-1) * NUM_DRAWS
    possible = expected > 0
    assert seen[~possible].sum() == 0
    chi_square = ((seen - expected) ** 2 / expected)[possible].sum().item()
    critical = {**CHI_SQUARE_999, 3: 16.27, 5: 20.52, 6: 22.46, 7: 24.32, 8: 26.12}
    assert chi_square < critical[int(possible.sum()) - 1]


def test_draws_are_those_of_multinomial() -> None:
    probs = torch.rand(1, 50, generator=generator(1), dtype=torch.float64)
    probs /= probs.sum()
    ours, theirs = generator(7), generator(7)
    for _ in range(200):
        assert draw(probs.log(), generator=ours) == torch.multinomial(probs, 1, generator=theirs)


def test_what_has_no_probability_is_never_drawn() -> None:
    logits = torch.full((20_000, 300), -math.inf)
    logits[:, 17] = 0.0
    assert draw(logits, generator=generator()).unique().tolist() == [17]


def test_the_same_seed_draws_the_same() -> None:
    logits = torch.randn(64, 30, generator=generator(1))
    assert torch.equal(draw(logits, generator=generator(5)), draw(logits, generator=generator(5)))
    assert not torch.equal(
        draw(logits, generator=generator(5)), draw(logits, generator=generator(6))
    )


def test_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    draw(torch.zeros(4, 9), generator=generator())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(LuminaError, match="not numbers"):
        refuse_unusable(torch.tensor([[0.0, 1.0], [value, 1.0]]))


def test_nothing_left_to_say_is_refused() -> None:
    with pytest.raises(LuminaError, match="not numbers"):
        refuse_unusable(torch.tensor([[0.0, 1.0], [-math.inf, -math.inf]]))


@pytest.mark.parametrize("sampler", ["greedy", "top-k", "nucleus", "min-p"])
def test_every_sampler_refuses_what_is_no_number(sampler: str) -> None:
    config = SamplingConfig.model_validate({"sampler": sampler})
    with pytest.raises(LuminaError):
        make_sampler(config, generator=generator())(torch.tensor([[0.0, math.nan]]), [])


@pytest.mark.parametrize("sampler", ["greedy", "top-k", "nucleus", "min-p"])
def test_temperature_zero_takes_the_likeliest(sampler: str) -> None:
    config = SamplingConfig.model_validate({"sampler": sampler, "temperature": 0})
    logits = torch.randn(50, 8, generator=generator())
    sample = make_sampler(config, generator=generator())
    assert sample(logits, []).tolist() == logits.argmax(dim=-1).tolist()


@pytest.mark.parametrize("sampler", ["top-k", "nucleus", "min-p"])
def test_numbers_that_a_low_temperature_makes_infinite_are_refused(sampler: str) -> None:
    config = SamplingConfig.model_validate({"sampler": sampler, "temperature": 0.1})
    with pytest.raises(LuminaError, match="not numbers"):
        make_sampler(config, generator=generator())(torch.tensor([[0.0, 1e38]]), [])
