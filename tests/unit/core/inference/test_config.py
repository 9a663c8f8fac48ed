"""Bounds of the sampler settings, and what they say when they are crossed."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from lumina_cli.core.inference.config import SamplingConfig


@pytest.mark.parametrize("temperature", [0, 0.1, 0.8, 2.0])
def test_a_temperature_is_zero_or_warm(temperature: float) -> None:
    assert SamplingConfig(temperature=temperature).temperature == temperature


@pytest.mark.parametrize("temperature", [-0.1, 0.05, 2.1, float("nan"), float("inf"), "hot"])
def test_any_other_temperature_is_refused(temperature: object) -> None:
    with pytest.raises(ValidationError):
        SamplingConfig.model_validate({"temperature": temperature})


@pytest.mark.parametrize(
    ("setting", "lowest", "highest", "below", "above"),
    [
        ("top_k", 1, 65_536, 0, 65_537),
        ("top_p", 0.0, 1.0, -0.01, 1.01),
        ("min_p", 0.0, 1.0, -0.01, 1.01),
        ("repetition_penalty", 1.0, 2.0, 0.99, 2.01),
        ("num_beams", 1, 64, 0, 65),
        ("length_penalty", -2.0, 2.0, -2.1, 2.1),
        ("num_candidates", 1, 64, 0, 65),
        ("max_chars", 1, 1_000_000, 0, 1_000_001),
        ("seed", 0, 2**63 - 1, -1, 2**63),
    ],
)
def test_each_setting_has_its_bounds(
    setting: str, lowest: float, highest: float, below: float, above: float
) -> None:
    for value in (lowest, highest):
        assert getattr(SamplingConfig.model_validate({setting: value}), setting) == value
    for value in (below, above):
        with pytest.raises(ValidationError):
            SamplingConfig.model_validate({setting: value})


@pytest.mark.parametrize(("given", "stop"), [("x", ("x",)), (["x", "yz"], ("x", "yz")), ((), ())])
def test_stop_texts_may_be_one_or_several(given: object, stop: tuple[str, ...]) -> None:
    assert SamplingConfig.model_validate({"stop": given}).stop == stop


def test_an_empty_stop_text_would_end_everything() -> None:
    with pytest.raises(ValidationError, match="must not be an empty text"):
        SamplingConfig(stop=("a", ""))


def test_more_candidates_than_beams_are_refused_in_beam_search_alone() -> None:
    assert SamplingConfig(num_candidates=9).num_candidates == 9
    with pytest.raises(ValidationError, match="needs num_beams of at least 9"):
        SamplingConfig(sampler="beam", num_candidates=9)


@pytest.mark.parametrize(
    ("sampler", "temperature", "greedy"),
    [("greedy", 1, True), ("nucleus", 0, True), ("nucleus", 1, False), ("beam", 0, False)],
)
def test_greedy_is_the_sampler_or_temperature_zero(
    sampler: str, temperature: float, greedy: bool
) -> None:
    config = SamplingConfig.model_validate({"sampler": sampler, "temperature": temperature})
    assert config.is_greedy is greedy


def test_every_setting_is_described() -> None:
    assert all(field.description for field in SamplingConfig.model_fields.values())


def test_the_settings_need_no_torch() -> None:
    code = "import sys, lumina_cli.core.inference.config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
