"""What the plan says to expect."""

from dataclasses import replace

import pytest

from lumina_cli.cli.views.expectation import expectation
from tests.unit.cli.views.test_train import PLAN

READ = replace(
    PLAN, device="cpu (2 threads)", steps_per_epoch=PLAN.train.chars, more={}, optimizer="muon"
)
"""A step of it reads one character."""


@pytest.mark.parametrize(
    ("num_chars", "told"),
    [
        (100_000, "letters that are frequent"),
        (500_000, "parts of words"),
        (2_000_000, "words, most"),
        (6_000_000, "short phrases"),
    ],
)
def test_the_more_a_model_reads_the_more_is_to_be_expected(num_chars: int, told: str) -> None:
    assert told in expectation(replace(READ, steps=num_chars))


def test_less_is_to_be_expected_of_adamw() -> None:
    by_adamw = replace(READ, optimizer="adamw")
    assert "letters that are frequent" in expectation(replace(by_adamw, steps=440_000))
    assert "parts of words" in expectation(replace(by_adamw, steps=2_000_000))


def test_where_the_clock_ends_a_run_its_time_tells() -> None:
    assert "words, most" in expectation(replace(READ, steps=None, seconds=60.0))
    assert "short phrases" in expectation(replace(READ, steps=None, seconds=600.0))


def test_nothing_is_promised_of_a_gpu_or_of_fine_tuning() -> None:
    assert expectation(replace(READ, device="cuda:0")) == ""
    assert expectation(replace(READ, more={"base model": "Model.pth"})) == ""
