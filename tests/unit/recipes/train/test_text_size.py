"""Texts that are too short for a model."""

import re

import pytest

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.recipes.train.text_size import too_little_text

DEFAULT = ModelConfig()
"""19 M parameters with some 300 ids."""


def flags(told: str) -> dict[str, int]:
    return {name: int(number) for name, number in re.findall(r"--([a-z-]+) (\d+)", told)}


def test_six_characters_are_told_to_be_little_and_the_smallest_model_is_offered() -> None:
    told = too_little_text(DEFAULT, num_chars=6, vocab_size=262)
    assert told.startswith("6 characters are little text for 19.")
    assert flags(told) == {"hidden-size": 64, "num-layers": 2, "nhead": 2}
    assert "a book has about 500,000" in told


def test_what_is_offered_grows_with_the_text() -> None:
    short = flags(too_little_text(DEFAULT, num_chars=30_000, vocab_size=300))
    longer = flags(too_little_text(DEFAULT, num_chars=300_000, vocab_size=300))
    assert short["hidden-size"] < longer["hidden-size"] < DEFAULT.hidden_size


def test_a_book_is_enough_for_the_default_and_a_short_text_for_a_small_model() -> None:
    assert too_little_text(DEFAULT, num_chars=500_000, vocab_size=300) == ""
    small = ModelConfig(hidden_size=64, num_layers=2, num_heads=2)
    assert too_little_text(small, num_chars=10_000, vocab_size=300) == ""


@pytest.mark.parametrize("num_chars", [0, 1, 100])
def test_no_smaller_model_is_offered_than_there_is(num_chars: int) -> None:
    smallest = ModelConfig(hidden_size=16, num_layers=1, num_heads=2)
    assert "A model that suits" not in too_little_text(
        smallest, num_chars=num_chars, vocab_size=300
    )
