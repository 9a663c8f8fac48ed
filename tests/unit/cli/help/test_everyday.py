"""The options that `--help` shows."""

from typing import Any

import pytest

from lumina_cli.cli.help.everyday import EVERYDAY
from lumina_cli.cli.lazy import COMMANDS, load_command

MANY = 16
"""A help with more options than these is shortened."""


def visible_options(command: Any) -> list[str]:
    return [
        each.name
        for each in command.params
        if each.param_type_name == "option" and not getattr(each, "hidden", False)
    ]


def commands() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in COMMANDS:
        command = load_command(name)
        members = getattr(command, "commands", None) or {}
        found.update({f"{name} {sub}": each for sub, each in members.items()} or {name: command})
    return found


@pytest.mark.parametrize("name", EVERYDAY)
def test_each_everyday_option_is_one_of_the_command(name: str) -> None:
    assert set(EVERYDAY[name]) <= set(visible_options(commands()[name]))
    assert "help_all" in visible_options(commands()[name])


def test_every_command_with_many_options_has_a_short_help() -> None:
    long = {name for name, each in commands().items() if len(visible_options(each)) > MANY}
    assert long <= set(EVERYDAY)
