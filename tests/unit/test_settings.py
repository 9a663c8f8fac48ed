"""Where settings come from, and what is said when they are wrong."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.core.config import ComputeConfig, EngineConfig
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.training.finetune_config import FinetuneConfig
from lumina_cli.data.config import DataConfig
from lumina_cli.errors import UsageError
from lumina_cli.io.folders.run_folder import to_toml
from lumina_cli.server.config import ServeConfig
from lumina_cli.setting_sources.layers import ALIASES
from lumina_cli.settings import (
    ALL_CONFIGS,
    FINETUNE_CONFIGS,
    TRAIN_CONFIGS,
    resolve_settings,
    setting_names,
)
from lumina_cli.tokenizer.config import TokenizerConfig
from tests.unit.setting_sources.resolving import resolve


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_defaults_are_those_that_were_promised() -> None:
    values = resolve().values()
    promised = {
        "hidden_size": 512,
        "num_layers": 6,
        "num_heads": 8,
        "seq_length": 512,
        "dropout": 0.1,
        "batch_size": 16,
        "epochs": 100,
        "max_steps": None,
        "minutes": None,
        "optimizer": "adamw",
        "learning_rate": 3e-4,
        "warmup_ratio": 0.1,
        "weight_decay": 0.01,
        "label_smoothing": 0.1,
        "beta1": 0.9,
        "beta2": 0.95,
        "grad_clip": 1.0,
        "val_fraction": 0.1,
        "device": "auto",
        "precision": "auto",
    }
    assert {name: values[name] for name in promised} == promised


@pytest.mark.parametrize(
    "given",
    [{"environ": {"LUMINA_NHEAD": "4"}}, {"toml": "nhead = 4"}, {"flags": {"num_heads": "4"}}],
    ids=str,
)
def test_nhead_is_another_name_of_num_heads(given: dict[str, Any]) -> None:
    assert resolve(**given).of(ModelConfig).num_heads == 4
    assert ALIASES == {"nhead": "num_heads"}


def test_settings_of_other_rooms_are_passed_over() -> None:
    settings = resolve_settings(
        (ComputeConfig,), flags={}, environ={"LUMINA_BATCH_SIZE": "0"}, preset="small"
    )
    assert list(settings.configs) == [ComputeConfig]


def test_no_setting_has_two_homes_but_the_seed() -> None:
    names = setting_names()
    assert {name for name in names if names.count(name) > 1} == {"seed"}
    assert "preset" not in names


@pytest.mark.parametrize("config", ALL_CONFIGS)
def test_each_setting_is_described_and_no_other_is_taken(config: type[Any]) -> None:
    assert all(field.description for field in config.model_fields.values())
    assert config.model_config["extra"] == "forbid"
    assert config.model_config["frozen"]


def test_settings_written_as_toml_are_read_back() -> None:
    chosen = resolve(preset="demo", flags={"seed": str(2**63 - 1), "learning_rate": "1e-05"})
    back = resolve(toml=to_toml(chosen.values()))
    assert back.values() == chosen.values()


TOML_VALUES = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.lists(st.text(st.characters(exclude_categories=["Cs"]))),
)


@given(values=st.dictionaries(st.sampled_from(["a", "b_c", "d1"]), TOML_VALUES))
def test_any_value_written_as_toml_is_read_back(values: dict[str, Any]) -> None:
    assert tomllib.loads(to_toml(values)) == values


def test_what_is_unset_is_left_out_of_the_file() -> None:
    assert to_toml({"max_steps": None, "seed": 1}) == "seed = 1\n"


def test_the_training_commands_configs_are_all_but_those_of_other_commands() -> None:
    of_others = {SamplingConfig, EngineConfig, FinetuneConfig, ServeConfig}
    assert set(ALL_CONFIGS) - set(TRAIN_CONFIGS) == of_others
    of_others |= {TokenizerConfig}  # a model that is fine-tuned has its own
    assert set(ALL_CONFIGS) - set(FINETUNE_CONFIGS) == of_others - {FinetuneConfig}
    assert DataConfig in TRAIN_CONFIGS


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"temperature": "0.05"}, "temperature must be 0 (greedy) or from"),
        ({"stop": [""]}, "stop must not be an empty text"),
        ({"stop": ["x"] * 1001}, "stop must be at most"),
    ],
)
def test_an_error_names_its_setting_once(flags: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError) as refused:
        resolve_settings([SamplingConfig], flags=flags, environ={}, toml=None)
    assert str(refused.value).startswith(says)
