"""Draws have the probabilities of the logits, are safe from rounding, and refuse what is none."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.sampling.filters import Logits, softmax
from lumina_cli.core.inference.sampling.sampler import ROUNDING, Sampler, refuse_unusable
from lumina_cli.errors import LuminaError
from tests.unit.core.inference.composed import composed

NUM_DRAWS = 20_000

CHI_SQUARE_999 = dict(enumerate([10.83, 13.82, 16.27, 18.47, 20.52, 22.46, 24.32, 26.12, 27.88], 1))
"""What chi-square exceeds once in a thousand, by degrees of freedom, from a printed table."""

DRAWING = [
    SamplingConfig(sampler="nucleus", top_p=1.0, temperature=1.0),
    SamplingConfig(sampler="nucleus", top_p=0.9, temperature=0.8),
    SamplingConfig(sampler="top-k", top_k=5, temperature=1.3),
    SamplingConfig(sampler="min-p", min_p=0.3, temperature=2.0),
]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some_logits(num_ids: int, *, seed: int = 1) -> Logits:
    return np.random.default_rng(seed).standard_normal(num_ids)


def never() -> Logits:
    raise AssertionError("nothing is doubtful here")


def choose(
    config: SamplingConfig, logits: Logits, *, seed: int = 0, again: Callable[[], Logits] = never
) -> int:
    return choose_by(Sampler(config, generator=generator(seed)), logits, again=again)


def choose_by(sampler: Sampler, logits: Logits, *, again: Callable[[], Logits] = never) -> int:
    """Choose as a text does: where rounding might decide, by logits computed again."""
    id_ = sampler.sample(logits, [])
    return sampler.resample(again(), []) if id_ is None else id_


@pytest.mark.parametrize("config", DRAWING, ids=lambda config: config.sampler)
def test_frequencies_match_the_probabilities(config: SamplingConfig) -> None:
    logits = some_logits(10)
    expected = softmax(composed(config, logits)) * NUM_DRAWS
    sampler = Sampler(config, generator=generator())
    drawn = [choose_by(sampler, logits, again=lambda: logits) for _ in range(NUM_DRAWS)]
    seen = np.bincount(drawn, minlength=10)
    possible = expected > 0
    assert seen[~possible].sum() == 0
    chi_square = ((seen - expected) ** 2 / np.maximum(expected, 1e-9))[possible].sum()
    assert chi_square < CHI_SQUARE_999[int(possible.sum()) - 1]


def test_what_has_no_probability_is_never_drawn() -> None:
    logits = np.full(300, -math.inf)
    logits[17] = 0.0
    sampler = Sampler(DRAWING[0], generator=generator())
    assert {choose_by(sampler, logits, again=never) for _ in range(2_000)} == {17}


def test_the_same_seed_draws_the_same() -> None:
    def drawn(seed: int) -> list[int]:
        sampler = Sampler(DRAWING[0], generator=generator(seed))
        return [
            choose_by(sampler, some_logits(30), again=lambda: some_logits(30)) for _ in "a" * 64
        ]

    assert drawn(5) == drawn(5)
    assert drawn(5) != drawn(6)


def test_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    choose(DRAWING[0], some_logits(9))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("sampler", ["greedy", "top-k", "nucleus", "min-p"])
def test_temperature_zero_takes_the_likeliest(sampler: str) -> None:
    config = SamplingConfig.model_validate({"sampler": sampler, "temperature": 0})
    for seed in range(50):
        logits = some_logits(8, seed=seed)
        assert choose(config, logits) == logits.argmax()


def test_of_equally_likely_ids_greedy_takes_the_first() -> None:
    tie = np.array([0.0, 2.0, 2.0])
    assert choose(SamplingConfig(sampler="greedy"), tie, again=lambda: tie) == 1


@pytest.mark.parametrize("config", [SamplingConfig(sampler="greedy"), *DRAWING])
def test_logits_that_differ_by_rounding_give_the_same_or_are_computed_again(
    config: SamplingConfig,
) -> None:
    """Many rows with near ties everywhere: at the top, and at the border of the filter."""
    rng = np.random.default_rng(0)
    num_again = 0
    for seed in range(400):
        exact = np.round(rng.standard_normal(12) * 4) / 4 + rng.standard_normal(12) * ROUNDING / 4
        shaken = exact + rng.uniform(-1, 1, 12) * ROUNDING / 4

        def again(exact: Logits = exact) -> Logits:
            nonlocal num_again
            num_again += 1
            return exact

        one = choose(config, exact, seed=seed, again=again)
        other = choose(config, shaken, seed=seed, again=again)
        assert one == other, (seed, exact)
    assert num_again < 800


@pytest.mark.parametrize("num_ids", [5, 300, 20_000])
def test_rounding_that_moves_the_border_of_nucleus_changes_nothing(num_ids: int) -> None:
    """Rows as flat as there may be, with top-p where an id is just kept or just not.

    With thousands of unlikely ids rounding moves the border over many of them.
    """
    rng = np.random.default_rng(0)
    for seed in range(300 if num_ids < 1_000 else 60):
        exact = rng.standard_normal(num_ids) * rng.choice([0.0003, 0.1, 2.0])
        noise = Sampler(DRAWING[0], generator=generator(seed))._next_noise(num_ids)
        first = int((exact + noise).argmax())
        probs = softmax(exact)
        above = float(probs[exact > exact[first]].sum())
        top_p = above + rng.uniform(-1, 1) * ROUNDING / 2 * above * (1 - above)
        config = SamplingConfig(sampler="nucleus", top_p=top_p, temperature=1.0)
        tilt = np.where(exact > exact[first], 1, -1) * rng.choice([-1, 1])
        shaken = exact + tilt * ROUNDING / 2
        one, other = (
            choose(config, x, seed=seed, again=lambda row=exact: row) for x in (exact, shaken)
        )
        assert one == other, seed


@pytest.mark.parametrize(
    ("settings", "row"),
    [
        ({"sampler": "top-k", "top_k": 2}, [0.0, -1.0, -1.0]),
        ({"sampler": "min-p", "min_p": math.exp(-1)}, [0.0, -0.5, -1.0 + ROUNDING / 8]),
        (
            {"sampler": "nucleus", "top_p": (1 + math.exp(-1)) / (1 + math.exp(-1) + math.exp(-2))},
            [0.0, -1.0, -2.0 + ROUNDING / 8],
        ),
    ],
)
@pytest.mark.parametrize("lead", [ROUNDING / 4, 5.0])
def test_what_only_rounding_rules_out_is_chosen_all_the_same(
    settings: dict[str, object], row: list[float], lead: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = SamplingConfig.model_validate({**settings, "temperature": 1.0})
    exact = np.array(row)
    shaken = exact + np.array([1, 1, -1]) * 0.45 * ROUNDING
    noise = np.array([0.0, -100.0, lead - exact[2]])
    monkeypatch.setattr(Sampler, "_next_noise", lambda *_: noise)
    assert composed(config, exact)[2] > -math.inf
    assert composed(config, shaken)[2] == -math.inf
    assert [choose(config, x, again=lambda: exact) for x in (exact, shaken)] == [2, 2]


def test_logits_too_large_for_rounding_to_show_are_filtered() -> None:
    row = np.array([3e13, 3e13 - 0.1])
    config = SamplingConfig(sampler="top-k", top_k=1, temperature=1.0)
    for seed in range(50):
        assert choose(config, row, seed=seed, again=lambda: row) == 0


@pytest.mark.parametrize("config", [SamplingConfig(sampler="greedy"), *DRAWING])
def test_clear_choices_are_not_made_twice(config: SamplingConfig) -> None:
    num_again = 0

    def again() -> Logits:
        nonlocal num_again
        num_again += 1
        return some_logits(50, seed=seed)

    for seed in range(300):
        choose(config, some_logits(50, seed=seed) * 4, seed=seed, again=again)
    assert num_again < 5


def test_what_is_chosen_without_the_filter_is_what_the_filter_leaves_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rows of all spreads, with ties, and ids that may not come; all filters."""
    rng = np.random.default_rng(0)
    num_at_once = 0
    surely_keeps = Sampler._surely_keeps

    def counted(self: Sampler, logits: Logits, id_: int) -> bool:
        nonlocal num_at_once
        is_kept = surely_keeps(self, logits, id_)
        num_at_once += is_kept
        return is_kept

    for seed in range(600):
        config = SamplingConfig.model_validate(
            {
                "sampler": rng.choice(["nucleus", "top-k", "min-p"]),
                "temperature": rng.choice([0.1, 0.8, 2.0]),
                "top_p": rng.choice([0.0, 0.5, 0.9, 0.999, 1.0]),
                "top_k": rng.choice([1, 3, 11, 40]),
                "min_p": rng.choice([0.0, 0.05, 0.5, 1.0]),
            }
        )
        logits = rng.standard_normal(30) * rng.choice([0.01, 1.0, 5.0])
        logits = np.where(rng.random(30) < 0.3, np.round(logits), logits)
        logits[rng.random(30) < 0.2] = -math.inf
        monkeypatch.setattr(Sampler, "_surely_keeps", lambda *_: False)
        expected = choose(config, logits, seed=seed, again=lambda row=logits: row)
        monkeypatch.setattr(Sampler, "_surely_keeps", counted)
        assert choose(config, logits, seed=seed, again=lambda row=logits: row) == expected
    assert 300 < num_at_once < 600


@pytest.mark.parametrize(
    "settings",
    [
        {"sampler": "nucleus", "top_p": 0.0},
        {"sampler": "nucleus", "top_p": 0.999, "temperature": 0.3},
        {"sampler": "min-p", "min_p": 1.0},
    ],
)
def test_filters_that_keep_nearly_nothing_or_all_are_as_clear(settings: dict[str, object]) -> None:
    test_clear_choices_are_not_made_twice(SamplingConfig.model_validate(settings))


@pytest.mark.parametrize(
    ("settings", "row"),
    [
        # The last of three that min-p keeps is just inside its border, with none beyond.
        ({"sampler": "min-p", "min_p": 0.5}, [0.0, -0.3, math.log(0.5) + 1e-5]),
        # Three are equal where two are to be kept.
        ({"sampler": "top-k", "top_k": 2}, [0.0, -0.5, -0.5, -0.5, -3.0]),
    ],
)
@pytest.mark.parametrize("place", [1, 2])
def test_an_id_that_only_rounding_lets_in_is_not_chosen_unseen(
    settings: dict[str, object], row: list[float], place: int
) -> None:
    config = SamplingConfig.model_validate({**settings, "temperature": 1.0})
    exact, shaken = np.array(row), np.array(row)
    exact[place] -= ROUNDING / 4
    for seed in range(200):
        one, other = (choose(config, x, seed=seed, again=lambda: exact) for x in (exact, shaken))
        assert one == other, seed


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(LuminaError, match="not numbers"):
        refuse_unusable(torch.tensor([[0.0, 1.0], [value, 1.0]]))


def test_nothing_left_to_say_is_refused() -> None:
    with pytest.raises(LuminaError, match="not numbers"):
        refuse_unusable(torch.tensor([[0.0, 1.0], [-math.inf, -math.inf]]))


@pytest.mark.parametrize("sampler", ["greedy", "top-k", "nucleus", "min-p"])
@pytest.mark.parametrize("row", [[0.0, math.nan], [math.inf, 0.0], [-math.inf, -math.inf]])
def test_every_sampler_refuses_what_is_no_number(sampler: str, row: list[float]) -> None:
    with pytest.raises(LuminaError, match="not numbers"):
        choose(SamplingConfig.model_validate({"sampler": sampler}), np.array(row))


@pytest.mark.parametrize("sampler", ["top-k", "nucleus", "min-p"])
def test_a_low_temperature_makes_no_number_infinite(sampler: str) -> None:
    config = SamplingConfig.model_validate({"sampler": sampler, "temperature": 0.1})
    row = np.array([0.0, 1e38], dtype=np.float32)
    assert choose(config, row, again=lambda: row) == 1
