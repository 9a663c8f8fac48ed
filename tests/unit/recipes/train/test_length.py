"""Runs of which nobody said how long they last."""

import pytest

from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.recipes.train.length import for_minutes, has_no_length
from lumina_cli.settings import TRAIN_CONFIGS, Settings, resolve_settings


def resolved(preset: str | None = None, **flags: object) -> Settings:
    return resolve_settings(TRAIN_CONFIGS, flags=flags, environ={}, preset=preset)


@pytest.mark.parametrize("flags", [{}, {"hidden_size": 64}])
def test_a_run_has_no_length_where_no_source_names_its_end(flags: dict[str, object]) -> None:
    assert has_no_length(resolved(**flags))
    assert has_no_length(resolved(preset="large", **flags))


@pytest.mark.parametrize("limit", [{"epochs": 100}, {"max_steps": 5}, {"minutes": 3}])
def test_epochs_steps_and_minutes_are_lengths_even_as_by_default(limit: dict[str, object]) -> None:
    assert not has_no_length(resolved(**limit))


@pytest.mark.parametrize("preset", ["demo", "small"])
def test_presets_for_laptops_have_a_length(preset: str) -> None:
    assert not has_no_length(resolved(preset=preset))


def test_a_run_for_some_minutes_has_no_other_end() -> None:
    config = for_minutes(resolved(), 10.0).of(TrainingConfig)
    assert (config.minutes, config.epochs, config.max_steps) == (10.0, None, None)


def test_the_preset_for_laptops_is_done_in_under_an_hour_unless_another_end_is_named() -> None:
    assert (resolved(preset="small").of(TrainingConfig).minutes or 99) < 60
    config = resolved(preset="small", epochs=7).of(TrainingConfig)
    assert (config.minutes, config.epochs) == (None, 7)
