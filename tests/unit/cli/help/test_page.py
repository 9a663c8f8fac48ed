"""What `--help` prints."""

import sys
from typing import Annotated, Any

import pytest
import typer

from lumina_cli.cli.help.page import HelpCommand
from lumina_cli.cli.lazy import COMMANDS, load_command
from tests.cli.command_line import lumina


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert lumina(*arguments) == 0
    return capsys.readouterr().out


def toy_help(monkeypatch: pytest.MonkeyPatch, columns: int) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(columns))
    app = typer.Typer(add_completion=False)

    def command(
        *,
        place: Annotated[str, typer.Argument(help="Where.", metavar="PLACE")],
        size: Annotated[int, typer.Option("--size", "-s", metavar="N", help="How big it is.")] = 3,
        loud: Annotated[bool, typer.Option("--loud", help="Whether it sounds.")] = False,
    ) -> None:
        """Do a thing.

        At length.
        """

    app.command("toy", cls=HelpCommand)(command)
    built: Any = typer.main.get_command(app)
    context = built.make_context("toy", [], resilient_parsing=True)
    return str(built.get_help(context)).splitlines()


def test_the_page_of_a_command_is_usage_purpose_arguments_and_options(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert toy_help(monkeypatch, 80) == [
        "Usage: toy [OPTIONS] PLACE",
        "",
        "  Do a thing.",
        "",
        "  At length.",
        "",
        "Arguments:",
        "  PLACE  Where.",
        "",
        "Options:",
        "  -s, --size N  How big it is. Default: 3.",
        "      --loud    Whether it sounds.",
        "      --help    Show this message and exit.",
    ]


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.parametrize("name", COMMANDS)
def test_no_line_is_longer_than_the_terminal_or_than_a_hundred(
    name: str, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = "--help-all" if "--help-all" in flags(load_command(name)) else "--help"
    text = printed(capsys, name, shown)
    assert max(map(len, text.splitlines())) <= min(columns, 100)


def test_a_command_to_paste_stays_on_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert "\n  lumina train --preset demo\n" in printed(capsys, "train", "--help")


def flags(command: Any) -> set[str]:
    return {flag for each in command.params for flag in each.opts}


def test_the_help_of_train_shows_at_most_sixteen_options(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = printed(capsys, "train", "--help")
    assert text.count("\n  -") + text.count("\n      --") <= 16
    assert "--resume [CHECKPOINT]" in text
    assert "--beta2" not in text
    assert "--help-all" in text


def test_the_help_of_all_options_names_each_flag_of_train_by_room(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = printed(capsys, "train", "--help-all")
    options = [each for each in load_command("train").params if each.param_type_name == "option"]
    shown = {flag for each in options if not each.hidden for flag in each.opts}
    assert all(flag in text for flag in shown)
    titles = ("Options", "Model", "Training", "Data", "Compute", "Checkpoint")
    assert [text.index(f"\n{title}:\n") for title in titles] == sorted(
        text.index(f"\n{title}:\n") for title in titles
    )


def test_no_type_of_python_stands_in_a_help(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        text = printed(capsys, name, "--help")
        assert "<bool>" not in text
        assert "<path>" not in text
        assert "list[" not in text


def test_a_setting_that_is_empty_by_default_tells_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Default: ." not in printed(capsys, "train", "--help-all")


def test_a_help_has_colours_on_a_terminal_unless_they_are_unwanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert "\x1b[" in "\n".join(toy_help(monkeypatch, 80))
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in "\n".join(toy_help(monkeypatch, 80))
