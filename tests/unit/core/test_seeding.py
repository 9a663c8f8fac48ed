"""Randomness from one seed."""

import torch

from lumina_cli.core.seeding import make_generator, seed_dropout


def draw(seed: int, purpose: str) -> list[float]:
    return torch.rand(4, generator=make_generator(seed, purpose)).tolist()


def test_a_seed_and_purpose_always_give_the_same_numbers() -> None:
    assert draw(7, "weights") == draw(7, "weights")


def test_another_seed_or_purpose_gives_others() -> None:
    assert draw(7, "weights") != draw(8, "weights")
    assert draw(7, "weights") != draw(7, "samples")


def test_the_highest_seed_works() -> None:
    assert draw(2**63 - 1, "weights") != draw(0, "weights")


def test_dropout_follows_from_the_seed() -> None:
    seed_dropout(3)
    first = torch.rand(4).tolist()
    seed_dropout(3)
    assert torch.rand(4).tolist() == first


def test_a_generator_leaves_dropout_alone() -> None:
    before = torch.get_rng_state()
    draw(1, "weights")
    assert torch.equal(torch.get_rng_state(), before)
