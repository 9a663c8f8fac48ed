"""Options made from settings."""

import inspect
from typing import Any, Literal

import pytest
import typer
from pydantic import BaseModel, Field
from typer.testing import CliRunner

from lumina_cli.cli.lazy import load_command
from lumina_cli.cli.options import with_settings
from lumina_cli.setting_sources.layers import ALIASES
from lumina_cli.settings import TRAIN_CONFIGS


class ToyConfig(BaseModel):
    """Settings of a toy."""

    wheels: int = Field(4, ge=1, description="How many wheels.")
    pace: float | None = Field(None, description="How fast.")
    colour: Literal["red", "blue"] = Field("red", description="Which colour.")
    loud: bool = Field(False, description="Whether it sounds.")
    lit: bool = Field(True, description="Whether it shines.")
    names: tuple[str, ...] = Field((), description="What it is called.")
    seed: int = Field(0, description="Where chance comes from.")


def run(*arguments: str) -> tuple[dict[str, Any], str]:
    """Run a command with these settings; return what it was given, and what was printed."""
    received: dict[str, Any] = {}

    @with_settings(ToyConfig, without=("seed",) if "--help" not in arguments else ())
    def command(*, own: int = 1, **flags: object) -> None:
        received.update(flags, own=own)

    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert result.exit_code == 0, result.output
    return received, result.output


def test_a_setting_that_is_not_given_is_none_and_the_commands_own_options_stay() -> None:
    names = ["wheels", "pace", "colour", "loud", "lit", "names"]
    assert run()[0] == {"own": 1, **dict.fromkeys(names)}


def test_what_is_typed_arrives_as_it_was_typed() -> None:
    typed, _ = run("--wheels", "0", "--pace", "fast", "--colour", "green", "--own", "3")
    assert (typed["wheels"], typed["pace"], typed["colour"]) == ("0", "fast", "green")
    assert typed["own"] == 3


def test_a_switch_turns_what_is_off_on_and_what_is_on_off() -> None:
    assert run("--loud")[0]["loud"] is True
    assert run("--no-lit")[0]["lit"] is False


def test_an_option_of_several_values_can_be_given_again() -> None:
    assert run("--names", "a", "--names", "b")[0]["names"] == ["a", "b"]


def test_the_help_tells_descriptions_choices_and_defaults_even_zero() -> None:
    _, text = run("--help")
    assert "How many wheels. Default: 4." in text
    assert "red|blue" in text
    assert "Where chance comes from. Default: 0." in text
    assert "How fast. Default" not in text


def test_a_setting_without_effect_is_no_option() -> None:
    assert "seed" not in run()[0]


@pytest.mark.parametrize("config", TRAIN_CONFIGS)
def test_each_setting_of_training_is_an_option_with_its_default_in_the_help(
    config: type[BaseModel],
) -> None:
    parameters = {parameter.name: parameter for parameter in load_command("train").params}
    for name, field in config.model_fields.items():
        flag = f"--{name.replace('_', '-')}"
        assert any(flag in option.split("/") for option in parameters[name].opts)
        assert field.description
        assert field.description in parameters[name].help
        is_told = field.default is not False and field.default != ""
        if is_told and isinstance(field.default, int | float | str):
            assert f"Default: {field.default}." in parameters[name].help


def test_the_other_names_of_settings_are_flags_too() -> None:
    parameters = {parameter.name: parameter for parameter in load_command("train").params}
    for alias, name in ALIASES.items():
        assert f"--{alias.replace('_', '-')}" in parameters[name].opts


def test_the_signature_holds_an_option_for_each_setting() -> None:
    @with_settings(ToyConfig)
    def command(**flags: object) -> None:
        pass

    assert list(inspect.signature(command).parameters) == list(ToyConfig.model_fields)
