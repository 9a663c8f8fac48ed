"""The settings of fine-tuning."""

from typing import Any

import numpy as np
import pytest

from lumina_cli.core.checkpoint.model_file import ModelFile, load_model
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.errors import UsageError
from lumina_cli.recipes.finetune.settings import (
    choose_peft,
    choose_replay,
    finetune_settings,
    most_forgetting,
    unused_finetune_settings,
    with_enough_passes,
)
from lumina_cli.settings import FINETUNE_CONFIGS, Settings, resolve_settings
from lumina_cli.tokenizer.characters import CharacterTokenizer
from tests.unit.recipes.tiny import tiny_run


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> ModelFile:
    folder = tmp_path_factory.mktemp("base")
    list(tiny_run(folder, dropout=0.125, optimizer="muon").run())
    return load_model(folder / "Model.pth")


def tuned(base: ModelFile, environ: dict[str, str] | None = None, **flags: Any) -> Settings:
    return finetune_settings(base, flags=flags, environ=environ or {}, toml=None)


def given(**flags: Any) -> Settings:
    return resolve_settings(FINETUNE_CONFIGS, flags=flags, environ={})


def text_of(num_ids: int) -> TokenDataset:
    codes = np.zeros(num_ids, dtype="<u1")
    return TokenDataset(codes, np.array([2 * 65 + 1], dtype=np.int32), CharacterTokenizer(""))


def test_shape_dropout_and_optimizer_are_the_bases(base: ModelFile) -> None:
    settings = tuned(base, {"LUMINA_HIDDEN_SIZE": "512", "LUMINA_PRESET": "demo"})
    shape = settings.of(ModelConfig)
    assert (shape.hidden_size, shape.num_layers, shape.dropout) == (16, 1, 0.125)
    assert settings.of(TrainingConfig).optimizer == "muon"
    assert settings.preset is None


def test_a_narrow_model_learns_faster_and_muon_at_twice_the_rate(base: ModelFile) -> None:
    config = tuned(base).of(TrainingConfig)
    assert config.learning_rate == pytest.approx(1e-4 * 512 / 16)
    assert config.muon_learning_rate == pytest.approx(2 * config.learning_rate)
    named = tuned(base, learning_rate=1e-3).of(TrainingConfig)
    assert (named.learning_rate, named.muon_learning_rate) == (1e-3, 2e-3)
    both = tuned(base, learning_rate=1e-3, muon_learning_rate=5e-3).of(TrainingConfig)
    assert both.muon_learning_rate == 5e-3
    assert tuned(base, learning_rate=9.0).of(TrainingConfig).muon_learning_rate == 10.0


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({"freeze_layers": 2}, "freeze_layers is 2, and the model has 1 layers"),
        ({"freeze_layers": 1, "lora_rank": 2}, "no place for adapters"),
    ],
)
def test_where_nothing_could_learn_that_is_told(
    base: ModelFile, flags: dict[str, Any], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        tuned(base, **flags)
    tuned(base, freeze_layers=1)


def test_which_parts_learn_is_what_the_settings_say() -> None:
    peft = choose_peft(
        given(freeze_layers=1, lora_rank=3, lora_alpha=6.0), num_new=5, keeps_start=True
    )
    assert (peft.frozen_layers, peft.lora_rank, peft.lora_alpha) == (1, 3, 6.0)
    assert (peft.num_new, peft.keeps_start) == (5, True)


@pytest.mark.parametrize(
    ("named", "replays", "most"),
    [(None, True, 0.08), (None, False, None), (0.5, True, 0.5), (0.5, False, 0.5)],
)
def test_how_much_may_be_forgotten(named: float | None, replays: bool, most: float | None) -> None:
    assert most_forgetting(given(max_forgetting=named), replays=replays) == most


def test_what_is_repeated_is_the_old_text_unless_none_is_to_be() -> None:
    texts = (text_of(100),)
    replay = choose_replay(given(replay_ratio=0.5), texts)
    assert replay is not None
    assert (replay.texts, replay.share) == (texts, 0.5)
    assert choose_replay(given(replay="off"), texts) is None
    assert choose_replay(given(replay_ratio=0.0), texts) is None
    assert choose_replay(given(), ()) is None


@pytest.mark.parametrize(
    ("num_ids", "epochs"),
    [
        (16 * 4 * 100, 3),  # 100 steps of 4 windows a pass: three passes are 300
        (16 * 4 * 20, 10),  # 20 steps: ten passes make 200
        (16 * 4 * 2, 40),  # 2 steps: no more than forty
    ],
)
def test_a_short_text_is_passed_over_more_often(base: ModelFile, num_ids: int, epochs: int) -> None:
    settings = tuned(base, batch_size=4, grad_accum=1)
    more = with_enough_passes(settings, text_of(num_ids + 1))
    assert more.of(TrainingConfig).epochs == epochs
    for limits in ({"epochs": 2}, {"max_steps": 5}, {"minutes": 1}):
        said = tuned(base, batch_size=4, **limits)
        assert with_enough_passes(said, text_of(num_ids + 1)) is said


@pytest.mark.parametrize(
    ("flags", "repeats", "measures", "names"),
    [
        ({"max_new_chars": 5, "expand_vocab": False}, True, True, ["max_new_chars"]),
        ({"max_new_chars": 5}, True, True, []),
        ({"replay_ratio": 0.5, "replay": "off"}, True, True, ["replay_ratio"]),
        ({"replay_ratio": 0.5}, False, True, ["replay_ratio"]),
        ({"replay_ratio": 0.5}, True, True, []),
        ({"max_forgetting": 0.5}, True, False, ["max_forgetting"]),
        ({"max_forgetting": 0.5}, True, True, []),
        ({"lora_alpha": 8.0}, True, True, ["lora_alpha"]),
        ({"lora_alpha": 8.0, "lora_rank": 2}, True, True, []),
        ({}, False, False, []),
    ],
    ids=str,
)
def test_a_setting_that_changes_nothing_is_told(
    flags: dict[str, Any], repeats: bool, measures: bool, names: list[str]
) -> None:
    told = unused_finetune_settings(given(**flags), repeats=repeats, measures=measures)
    assert [line.split()[0] for line in told] == names
