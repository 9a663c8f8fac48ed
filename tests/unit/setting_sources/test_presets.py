"""Presets: what each promises, and how one is named."""

import pytest

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.setting_sources.presets import PRESETS
from tests.unit.setting_sources.resolving import resolve, wrong


@pytest.mark.parametrize(
    ("name", "promised"),
    [
        (
            "small",
            {
                "hidden_size": 256,
                "num_layers": 4,
                "seq_length": 256,
                "batch_size": 8,
                "epochs": None,
                "minutes": 45.0,
            },
        ),
        ("base", {}),
        ("large", {"hidden_size": 1024, "num_layers": 12, "batch_size": 32}),
    ],
)
def test_the_presets_are_those_that_were_promised(name: str, promised: dict[str, object]) -> None:
    values, defaults = resolve(preset=name).values(), resolve().values()
    assert {key: value for key, value in values.items() if value != defaults[key]} == promised


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_is_valid_and_keeps_a_valid_sampler(name: str) -> None:
    resolve(preset=name)
    sampling = PRESETS[name].sampling
    assert SamplingConfig.model_validate(sampling or {})
    assert PRESETS[name].description


def test_a_preset_may_be_named_in_the_environment_or_the_file() -> None:
    assert resolve(environ={"LUMINA_PRESET": "small"}).of(ModelConfig).hidden_size == 256
    assert resolve(toml="preset = 'small'").of(ModelConfig).hidden_size == 256
    assert resolve(toml="preset = 'small'", preset="large").of(ModelConfig).hidden_size == 1024
    assert resolve(preset="small").preset is PRESETS["small"]


@pytest.mark.parametrize("name", ["hug", "Small"])
def test_an_unknown_preset_is_refused_with_those_there_are(name: str) -> None:
    error = wrong(environ={"LUMINA_PRESET": name})
    assert f"no preset {name!r} (there is: demo, small, base, large)" in error.message


def test_a_preset_that_is_no_text_is_refused() -> None:
    assert "no preset 3" in wrong(toml="preset = 3").message


def test_a_variable_that_is_empty_names_no_preset() -> None:
    assert resolve(environ={"LUMINA_PRESET": ""}).preset is None
