"""The distribution that is shown is the one that is drawn from."""

import numpy as np
import pytest
import torch

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.sampling.distribution import distribution
from lumina_cli.core.inference.sampling.sampler import Sampler
from tests.unit.core.inference.sampling.test_sampler import DRAWING, choose_by, some_logits

NUM_DRAWS = 2_000


def test_temperature_and_filters_by_hand() -> None:
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05]))
    nucleus = SamplingConfig(sampler="nucleus", temperature=1.0, top_p=0.7)
    np.testing.assert_allclose(distribution(nucleus, logits, []), [0.625, 0.375, 0, 0], atol=1e-12)
    top_k = SamplingConfig(sampler="top-k", top_k=2, temperature=0.5)
    shares = np.array([0.25, 0.09, 0, 0])
    np.testing.assert_allclose(distribution(top_k, logits, []), shares / 0.34, atol=1e-12)
    min_p = SamplingConfig(sampler="min-p", min_p=0.25, temperature=1.0)
    kept = np.array([0.5, 0.3, 0.15, 0]) / 0.95
    np.testing.assert_allclose(distribution(min_p, logits, []), kept, atol=1e-12)


def test_greedy_takes_one_for_sure() -> None:
    greedy = SamplingConfig(sampler="greedy")
    np.testing.assert_array_equal(distribution(greedy, some_logits(4), []).max(), 1.0)
    assert distribution(greedy, np.array([0.0, 2.0, 1.0]), []).tolist() == [0, 1, 0]


def test_what_stood_just_before_is_penalized() -> None:
    config = SamplingConfig(temperature=1.0, top_p=1.0, repetition_penalty=2.0)
    logits = np.zeros(10)
    logits[8] = logits[9] = np.log(4)
    shares = np.array([1.0] * 8 + [4, 2])  # log 4 / 2 = log 2
    np.testing.assert_allclose(distribution(config, logits, [9]), shares / 14, atol=1e-12)


@pytest.mark.parametrize("config", DRAWING, ids=lambda config: config.sampler)
def test_the_sampler_draws_as_it_says(config: SamplingConfig) -> None:
    logits = some_logits(10)
    expected = distribution(config, logits, [])
    sampler = Sampler(config, generator=torch.Generator().manual_seed(3))
    drawn = [choose_by(sampler, logits, again=lambda: logits) for _ in range(NUM_DRAWS)]
    seen = np.bincount(drawn, minlength=10) / NUM_DRAWS
    assert not seen[expected == 0].any()
    spread = np.sqrt(expected * (1 - expected) / NUM_DRAWS)
    assert (np.abs(seen - expected) <= 4 * spread).all()
