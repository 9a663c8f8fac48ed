"""Each change is told in a short line, and one without effect says so."""

import pytest

from lumina_cli.chat.changes import change
from lumina_cli.chat.commands import SetNumber, UseSampler
from lumina_cli.chat.parser import parse
from lumina_cli.core.inference.config import SamplingConfig


def changed(line: str, **settings: object) -> tuple[SamplingConfig, str]:
    command = parse(line)
    assert isinstance(command, SetNumber | UseSampler)
    return change(SamplingConfig.model_validate(settings), command)


def test_temperature_is_told_as_people_know_it() -> None:
    config, line = changed("temp 1.2")
    assert line == "🌡️ Temperature set to 1.2"
    assert config.temperature == 1.2


@pytest.mark.parametrize(
    ("line", "setting", "value"),
    [
        ("topk 7", "top_k", 7),
        ("/topp 0.5", "top_p", 0.5),
        ("/minp 0.2", "min_p", 0.2),
        ("/penalty 1.5", "repetition_penalty", 1.5),
        ("/seed 9007199254740992", "seed", 9007199254740992),
        ("/beam 6", "num_beams", 6),
        ("/candidates 4", "num_candidates", 4),
    ],
)
def test_a_number_is_set_and_told(line: str, setting: str, value: float) -> None:
    config, told = changed(line)
    assert getattr(config, setting) == value
    assert str(value) in told


@pytest.mark.parametrize(
    ("line", "sampler"),
    [
        ("greedy", "greedy"),
        ("nucleus", "nucleus"),
        ("topk_mode", "top-k"),
        ("topk 5", "top-k"),
        ("/topp 0.5", "nucleus"),
        ("/minp 0.1", "min-p"),
        ("/beam 3", "beam"),
    ],
)
def test_a_samplers_own_number_chooses_the_sampler(line: str, sampler: str) -> None:
    assert changed(line, sampler="greedy")[0].sampler == sampler


def test_a_change_of_sampler_is_told() -> None:
    assert changed("topk 5")[1] == "🔢 Top-k set to 5; the sampler is now top-k"
    assert changed("topk 5", sampler="top-k")[1] == "🔢 Top-k set to 5"


@pytest.mark.parametrize(
    ("line", "settings"),
    [
        ("temp 0.5", {"sampler": "greedy"}),
        ("temp 0.5", {"sampler": "beam"}),
        ("/seed 3", {"sampler": "greedy"}),
        ("/penalty 1.2", {"sampler": "beam"}),
        ("/candidates 3", {"sampler": "greedy"}),
    ],
)
def test_a_change_without_effect_says_so(line: str, settings: dict[str, object]) -> None:
    assert (
        "does not use it" in changed(line, **settings)[1]
        or "only one" in changed(line, **settings)[1]
    )


def test_a_drawing_sampler_at_temperature_zero_is_told() -> None:
    assert "still greedy" in changed("nucleus", sampler="greedy", temperature=0)[1]


def test_settings_that_contradict_each_other_stay_and_it_is_told() -> None:
    config, line = changed("/candidates 9", sampler="beam", num_beams=4)
    assert config.num_candidates == 1
    assert line.startswith("Not changed: num_candidates 9 needs num_beams of at least 9")
