"""Filters against vectors worked out by hand, and against those of transformers."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.sampling import filters
from lumina_cli.core.inference.sampling.filters import Logits

INF = math.inf
NAN = math.nan


def logits_of(*probs: float) -> Logits:
    return np.log(np.array(probs))


def kept(logits: Logits) -> list[int]:
    return [i for i, value in enumerate(logits.tolist()) if value != -INF]


def test_temperature_divides_the_logits() -> None:
    out = filters.temperature(np.array([1.0, -2.0, -INF]), value=0.5)
    assert out.tolist() == [2.0, -4.0, -INF]


@pytest.mark.parametrize(
    ("logits", "k", "expected"),
    [
        ([1.0, 3.0, 2.0], 1, [1]),
        ([1.0, 3.0, 2.0], 2, [1, 2]),
        ([1.0, 3.0, 2.0], 99, [0, 1, 2]),
        ([2.0, 3.0, 2.0, 1.0], 2, [0, 1, 2]),  # as likely as the second: stays too
        ([5.0, 5.0, 5.0], 1, [0, 1, 2]),
        ([5.0, -INF, -INF], 2, [0]),
        ([5.0], 1, [0]),
    ],
)
def test_top_k_keeps_the_k_likeliest(logits: list[float], k: int, expected: list[int]) -> None:
    assert kept(filters.top_k(np.array(logits), k=k)) == expected


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        (0.0, [1]),
        (0.3, [1]),
        (0.5, [1]),  # reached exactly: 0.5 is enough
        (0.51, [0, 1]),  # the one that crosses p stays
        (0.79, [0, 1]),
        (0.81, [0, 1, 3]),
        (0.96, [0, 1, 2, 3]),
        (1.0, [0, 1, 2, 3]),
    ],
)
def test_top_p_keeps_the_fewest_that_reach_p(p: float, expected: list[int]) -> None:
    assert kept(filters.top_p(logits_of(0.3, 0.5, 0.05, 0.15), p=p)) == expected


def test_top_p_keeps_as_many_of_equals_as_it_needs() -> None:
    assert len(kept(filters.top_p(logits_of(0.25, 0.25, 0.25, 0.25), p=0.5))) == 2


@pytest.mark.parametrize(
    ("p", "expected"),
    [(0.0, [0, 1, 2]), (0.1, [0, 1, 2]), (0.2, [0, 1]), (0.7, [0]), (1.0, [0])],
)
def test_min_p_measures_against_the_likeliest(p: float, expected: list[int]) -> None:
    assert kept(filters.min_p(logits_of(0.6, 0.3, 0.1), p=p)) == expected


def test_repetition_penalty_makes_what_was_seen_less_likely_whatever_its_sign() -> None:
    logits = np.array([2.0, -2.0, 1.0, -1.0, 0.0])
    out = filters.repetition_penalty(logits, [0, 1, 4, 1], penalty=2.0)
    assert out.tolist() == [1.0, -4.0, 1.0, -1.0, 0.0]


def test_repetition_penalty_of_nothing_seen_changes_nothing() -> None:
    logits = np.array([2.0, -2.0])
    assert filters.repetition_penalty(logits, [], penalty=2.0).tolist() == [2.0, -2.0]


@pytest.mark.parametrize(
    "filter_",
    [
        partial(filters.temperature, value=0.5),
        partial(filters.top_k, k=2),
        partial(filters.top_p, p=0.5),
        partial(filters.min_p, p=0.5),
    ],
)
def test_no_filter_hides_a_nan(filter_: Callable[[Logits], Logits]) -> None:
    assert np.isnan(filter_(np.array([0.0, NAN, 1.0]))).any()


EDGES = {
    "all equal": [0.0] * 8,
    "ties": [1.0, 2.0, 2.0, 1.0, 2.0, 0.0, 0.0, 1.0],
    "one candidate": [-INF] * 5 + [3.0] + [-INF] * 2,
    "some ruled out": [-INF, 1.0, 2.0, -INF, 0.5, 0.5, -INF, -3.0],
    "far apart": [1e4, -1e4, 0.0, 1e4, 5.0, -5.0, 1e-4, -1e-4],
}


def edge_and_random_logits() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    random = [
        torch.randn(5, 8 + 40 * n, generator=generator) * spread
        for n in range(4)
        for spread in (0.1, 3, 30)
    ]
    return [torch.tensor([edge]) for edge in EDGES.values()] + random


REFERENCES: list[tuple[str, dict[str, object], Callable[[Logits], Logits]]] = [
    *(
        ("TemperatureLogitsWarper", {"temperature": t}, partial(filters.temperature, value=t))
        for t in (0.1, 0.7, 1.0, 2.0)
    ),
    *(
        ("TopKLogitsWarper", {"top_k": k}, partial(filters.top_k, k=k))
        for k in (1, 2, 3, 7, 8, 50, 100_000)
    ),
    *(
        ("TopPLogitsWarper", {"top_p": p}, partial(filters.top_p, p=p))
        for p in (0.0, 0.1, 0.25, 0.5, 0.9, 0.999, 1.0)
    ),
    *(
        ("MinPLogitsWarper", {"min_p": p}, partial(filters.min_p, p=p))
        for p in (0.0, 0.05, 0.5, 1.0)
    ),
]


@pytest.mark.parametrize(("name", "arguments", "ours"), REFERENCES)
def test_each_filter_equals_that_of_transformers(
    name: str, arguments: dict[str, object], ours: Callable[[Logits], Logits]
) -> None:
    transformers = pytest.importorskip("transformers")
    theirs = getattr(transformers, name)(**arguments)
    for logits in edge_and_random_logits():
        no_ids = torch.empty(len(logits), 0, dtype=torch.long)
        expected = theirs(no_ids, logits)
        got = torch.stack([torch.from_numpy(ours(row.numpy())) for row in logits])
        assert torch.equal(got, expected), logits


@pytest.mark.parametrize("penalty", [1.0, 1.3, 2.0])
def test_repetition_penalty_equals_that_of_transformers(penalty: float) -> None:
    transformers = pytest.importorskip("transformers")
    theirs = transformers.RepetitionPenaltyLogitsProcessor(penalty=penalty)
    for logits in edge_and_random_logits():
        seen = torch.arange(12).remainder(logits.size(1)).expand(len(logits), -1)
        expected = theirs(seen, logits.clone())
        for row, ids, wanted in zip(logits, seen, expected, strict=True):
            got = filters.repetition_penalty(row.numpy(), ids.tolist(), penalty=penalty)
            assert got.tolist() == wanted.tolist()


def test_only_the_filter_of_the_chosen_sampler_acts() -> None:
    config = SamplingConfig(sampler="top-k", top_k=3, top_p=0.1, min_p=1.0, temperature=1.0)
    assert kept(filters.make_filter(config)(logits_of(0.4, 0.3, 0.2, 0.1))) == [0, 1, 2]


def test_the_penalty_spares_the_end_of_turn() -> None:
    config = SamplingConfig(sampler="greedy", repetition_penalty=2.0)
    logits = np.ones(10)
    assert filters.penalize(config, logits, [5, 7, 5]).tolist() == [1.0] * 7 + [0.5, 1.0, 1.0]
