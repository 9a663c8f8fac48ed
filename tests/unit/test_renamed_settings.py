"""The old names of settings, by every way in."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lumina_cli.cli.lazy import load_command
from lumina_cli.data.config import DataConfig
from lumina_cli.errors import UsageError
from lumina_cli.renamed_settings import RENAMED, with_first_names, with_new_names
from lumina_cli.settings import ALL_CONFIGS, Settings, resolve_settings, setting_names

VALUES = {
    "positions": "rotary",
    "freeze": 2,
    "expand": False,
    "replay_share": 0.25,
    "paths": "top-3",
    "lang": "de",
    "evaluations": 7,
    "mend_mojibake": True,
}
"""By the old names; none is the default."""


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def resolve(
    *,
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    toml: Mapping[str, object] | None = None,
) -> Settings:
    path = None
    if toml is not None:
        path = Path("mine.toml")
        path.write_text("".join(map(_toml_line, toml.items())), encoding="utf-8")
    return resolve_settings(ALL_CONFIGS, flags=flags or {}, environ=environ or {}, toml=path)


def _toml_line(item: tuple[str, object]) -> str:
    name, value = item
    shown = str(value).lower() if isinstance(value, bool) else repr(value)
    return f"{name} = {shown}\n"


def as_flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def as_variable(name: str) -> str:
    return f"LUMINA_{name.upper()}"


def test_each_old_name_stands_for_a_setting_and_is_tried_here() -> None:
    assert VALUES.keys() == RENAMED.keys()
    assert set(RENAMED.values()) <= set(setting_names())
    assert not set(RENAMED) & set(setting_names())


@pytest.mark.parametrize("old", RENAMED)
def test_an_old_flag_sets_what_the_new_one_does_and_tells_it(old: str) -> None:
    settings, new = resolve(flags={old: str(VALUES[old])}), RENAMED[old]
    assert settings.values()[new] == VALUES[old]
    assert settings.sources[new] == as_flag(old)
    assert settings.notices == (f"{as_flag(old)} is now called {as_flag(new)}",)


@pytest.mark.parametrize("old", RENAMED)
def test_an_old_variable_sets_what_the_new_one_does_and_tells_it(old: str) -> None:
    settings, new = resolve(environ={as_variable(old): str(VALUES[old])}), RENAMED[old]
    assert settings.values()[new] == VALUES[old]
    assert settings.sources[new] == as_variable(old)
    assert settings.notices == (f"{as_variable(old)} is now called {as_variable(new)}",)


@pytest.mark.parametrize("old", RENAMED)
def test_an_old_key_of_a_file_sets_what_the_new_one_does_and_tells_it(old: str) -> None:
    settings, new = resolve(toml={old: VALUES[old]}), RENAMED[old]
    assert settings.values()[new] == VALUES[old]
    assert settings.notices == (f"{old} in mine.toml is now called {new}",)


@pytest.mark.parametrize("old", RENAMED)
def test_an_old_flag_is_taken_by_each_command_that_has_the_new_one_and_shown_by_none(
    old: str,
) -> None:
    commands = [load_command(name) for name in ("train", "finetune", "eval")]
    commands.append(load_command("data").commands["check"])
    new_flags = 0
    for command in commands:
        flags = {parameter.name: parameter for parameter in command.params}
        new_flags += RENAMED[old] in flags
        assert (old in flags) == (RENAMED[old] in flags)
        if old in flags:
            assert as_flag(old) in flags[old].opts
            assert flags[old].hidden
    assert new_flags, "no command has the new flag"


@pytest.mark.parametrize("old", RENAMED)
def test_both_names_at_once_are_refused_by_both_names(old: str) -> None:
    new = RENAMED[old]
    given: list[tuple[dict[str, Any], str]] = [
        ({"flags": {old: VALUES[old], new: VALUES[old]}}, f"{as_flag(old)} and {as_flag(new)} are"),
        (
            {"environ": dict.fromkeys((as_variable(old), as_variable(new)), str(VALUES[old]))},
            f"{as_variable(old)} and {as_variable(new)} are",
        ),
        ({"toml": {old: VALUES[old], new: VALUES[old]}}, f"{old} and {new} in mine.toml are"),
    ]
    for each, says in given:
        with pytest.raises(UsageError, match="the same setting") as caught:
            resolve(**each)
        assert caught.value.message.startswith(says)


def test_a_stronger_source_wins_whichever_name_it_uses() -> None:
    settings = resolve(flags={"lang": "fr"}, toml={"oasst_lang": "de"})
    assert settings.values()["oasst_lang"] == "fr"
    settings = resolve(flags={"oasst_lang": "fr"}, environ={"LUMINA_LANG": "de"})
    assert settings.values()["oasst_lang"] == "fr"
    assert settings.sources["oasst_lang"] == "--oasst-lang"


def test_a_wrong_value_is_told_by_the_new_name_and_the_old_place() -> None:
    with pytest.raises(UsageError) as caught:
        resolve(environ={"LUMINA_FREEZE": "-1"})
    assert caught.value.message == "freeze_layers must be at least 0 (from LUMINA_FREEZE)"


@pytest.mark.parametrize("config", ALL_CONFIGS)
def test_a_config_reads_settings_that_were_written_by_old_names(config: type[Any]) -> None:
    own = {old: VALUES[old] for old, new in RENAMED.items() if new in config.model_fields}
    read = config.model_validate(own).model_dump()
    assert {RENAMED[old]: value for old, value in own.items()} == {
        RENAMED[old]: read[RENAMED[old]] for old in own
    }


def test_names_go_forth_and_back() -> None:
    assert with_new_names(with_first_names({"num_evals": 3, "seed": 1})) == {
        "num_evals": 3,
        "seed": 1,
    }
    assert with_first_names({"num_evals": 3, "seed": 1}) == {"evaluations": 3, "seed": 1}
    assert with_new_names([1]) == [1]
    with pytest.raises(ValueError, match="lang and oasst_lang"):
        with_new_names({"lang": "en", "oasst_lang": "en"})


def test_the_settings_that_hashes_are_made_of_keep_names_and_order() -> None:
    # Caches, checkpoints and model files hold such hashes; with others, old runs could not go on.
    assert list(DataConfig().hashed()) == [
        "format",
        "encoding",
        "lang",
        "paths",
        "include_synthetic",
        "mend_mojibake",
        "allow_skips",
        "val_fraction",
        "min_char_count",
        "loss_on",
    ]
