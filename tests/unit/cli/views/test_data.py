"""How far a fetch is, as the bar says it."""

import pytest

from lumina_cli.cli.views.data import amount_of
from lumina_cli.recipes.data.fetch import Stage


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        (Stage("x", 1000, 84_437), "1,000 of 84,437 rows"),
        (Stage("x", 1000), "1,000 rows"),
        (Stage("x", 3_100_000, 40_000_000, unit="bytes"), "3 MB of 40 MB"),
        (Stage("x", 3_100_000, unit="bytes"), "3 MB"),
        (Stage("x", unit="bytes"), ""),
    ],
)
def test_how_far_a_stage_is_is_told_in_its_own_unit(stage: Stage, expected: str) -> None:
    assert amount_of(stage) == expected
