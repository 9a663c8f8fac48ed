"""Which source of a setting is stronger, and what each is known by."""

from typing import Any

import pytest

from lumina_cli.core.training.config import TrainingConfig
from tests.unit.setting_sources.resolving import resolve

SOURCES = {
    "flags": {"batch_size": "5"},
    "environ": {"LUMINA_BATCH_SIZE": "4"},
    "toml": "batch_size = 3\n",
    "preset": "small",
    "base": {"batch_size": 2},
}


STRENGTH = ["flags", "environ", "toml", "preset", "base"]


EXPECTED = {"flags": 5, "environ": 4, "toml": 3, "preset": 8, "base": 2}


@pytest.mark.parametrize("strongest", range(5))
def test_a_value_comes_from_the_strongest_source_that_has_it(strongest: int) -> None:
    given = {name: SOURCES[name] for name in STRENGTH[strongest:]}
    settings = resolve(**given)
    assert settings.of(TrainingConfig).batch_size == EXPECTED[STRENGTH[strongest]]


def test_each_value_knows_where_it_comes_from() -> None:
    settings = resolve(
        flags={"seed": "1", "dropout": None},
        environ={"LUMINA_EPOCHS": "2"},
        toml="oasst_lang = 'de'\n",
        preset="small",
    )
    assert settings.sources == {
        "seed": "--seed",
        "epochs": "LUMINA_EPOCHS",
        "oasst_lang": "mine.toml",
        **dict.fromkeys(["hidden_size", "num_layers", "seq_length", "batch_size"], "preset small"),
    }


def test_an_unknown_variable_is_noticed_and_has_no_effect() -> None:
    settings = resolve(environ={"LUMINA_BATCHSIZE": "4", "OTHER": "1"})
    assert settings.notices == ("LUMINA_BATCHSIZE is not a setting and has no effect",)
    assert settings.values() == resolve().values()


def test_the_variable_of_the_cache_is_no_setting_and_no_mistake() -> None:
    assert resolve(environ={"LUMINA_CACHE_DIR": "/somewhere"}).notices == ()


def limits(**given: Any) -> tuple[int | None, int | None, float | None]:
    config = resolve(**given).of(TrainingConfig)
    return config.epochs, config.max_steps, config.minutes


def test_an_end_that_is_asked_for_replaces_those_of_weaker_sources() -> None:
    assert limits() == (100, None, None)
    assert limits(preset="demo")[0] is None
    assert limits(preset="demo", flags={"minutes": "2"}) == (None, None, 2.0)
    assert limits(toml="epochs = 3") == (3, None, None)
    assert limits(toml="epochs = 3", environ={"LUMINA_MAX_STEPS": "7"}) == (None, 7, None)


def test_a_setting_that_was_dropped_has_no_source() -> None:
    settings = resolve(toml="epochs = 3\nmax_steps = 4", flags={"minutes": "2"})
    assert settings.sources == {"minutes": "--minutes"}
    settings = resolve(environ={"LUMINA_HIDDEN_SIZE": "64"}, fixed=("hidden_size",))
    assert "hidden_size" not in settings.sources
    assert settings.notices == (
        "hidden_size has no effect on a model that is trained already (from LUMINA_HIDDEN_SIZE)",
    )


def test_ends_that_are_asked_for_together_hold_together() -> None:
    assert limits(flags={"epochs": "3", "minutes": "2"}) == (3, None, 2.0)
