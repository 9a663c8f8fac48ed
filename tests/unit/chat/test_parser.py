"""What a typed line means, line by line."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.chat.commands import (
    Command,
    Edit,
    Explain,
    Load,
    Nothing,
    Save,
    Say,
    SetNumber,
    ShowProbs,
    Simple,
    System,
    UseSampler,
)
from lumina_cli.chat.parser import COMMANDS, parse
from lumina_cli.core.inference.config import SamplingConfig


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("exit", Simple("exit")),
        ("quit", Simple("exit")),
        ("  EXIT\n", Simple("exit")),
        ("clear", Simple("clear")),
        ("help", Simple("help")),
        ("temp 0.8", SetNumber("temperature", 0.8)),
        ("temp 2", SetNumber("temperature", 2.0)),
        ("TEMP .5", SetNumber("temperature", 0.5)),
        ("temp 1e0", SetNumber("temperature", 1.0)),
        ("temp   0.1  ", SetNumber("temperature", 0.1)),
        ("topk 1", SetNumber("top_k", 1, "top-k")),
        ("topk 50", SetNumber("top_k", 50, "top-k")),
        ("nucleus", UseSampler("nucleus")),
        ("topk_mode", UseSampler("top-k")),
        ("greedy", UseSampler("greedy")),
        ("/exit", Simple("exit")),
        ("/quit", Simple("exit")),
        ("/clear", Simple("clear")),
        ("/help", Simple("help")),
        ("/Temp 1.2", SetNumber("temperature", 1.2)),
        ("/topk 10", SetNumber("top_k", 10, "top-k")),
        ("/nucleus", UseSampler("nucleus")),
        ("/topk_mode", UseSampler("top-k")),
        ("/greedy", UseSampler("greedy")),
        ("/topp 0.9", SetNumber("top_p", 0.9, "nucleus")),
        ("/topp 0", SetNumber("top_p", 0.0, "nucleus")),
        ("/minp 0.1", SetNumber("min_p", 0.1, "min-p")),
        ("/minp", UseSampler("min-p")),
        ("/penalty 1.3", SetNumber("repetition_penalty", 1.3)),
        ("/seed 42", SetNumber("seed", 42)),
        ("/beam", UseSampler("beam")),
        ("/beam 8", SetNumber("num_beams", 8, "beam")),
        ("/candidates 3", SetNumber("num_candidates", 3)),
        ("/retry", Simple("retry")),
        ("/undo", Simple("undo")),
        ("/edit", Edit("")),
        ("/edit What is  2 plus 2?", Edit("What is  2 plus 2?")),
        ("/system You are kind.\nVery kind.", System("You are kind.\nVery kind.")),
        ("/save my chat.json", Save("my chat.json")),
        ("/load my chat.json", Load("my chat.json")),
        ("/history", Simple("history")),
        ("/stats", Simple("stats")),
        ("/probs", ShowProbs(0)),
        ("/probs 3", ShowProbs(3)),
        ("/multiline", Simple("multiline")),
        ("", Nothing()),
        (" \t\n", Nothing()),
    ],
)
def test_a_command_is_understood(line: str, command: Command) -> None:
    assert parse(line) == command


@pytest.mark.parametrize(
    "line",
    [
        "Hello",
        "temp is high today",
        "temp 0.8 please",
        "topk 10 is good",
        "help me",
        "help!",
        "clear skies",
        "exit strategy",
        "quit smoking",
        "greedy dog",
        "nucleus of an atom",
        "exit\nclear",
        "retry",
        "seed 42",
        "/usr/bin is a folder",
        "/",
        "// a comment",
        "/5 is a fraction",
        "<|end|>",
    ],
)
def test_what_is_no_command_is_said(line: str) -> None:
    assert parse(line) == Say(line)


@pytest.mark.parametrize(
    ("line", "text"),
    [("/say help", "help"), ("/say temp 0.8", "temp 0.8"), ("/say /exit", "/exit")],
)
def test_say_says_what_would_be_a_command(line: str, text: str) -> None:
    assert parse(line) == Say(text)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("temp", "from 0.1 to 2.0, such as: temp 0.8"),
        ("temp nan", "from 0.1 to 2.0, not 'nan'"),
        ("temp inf", "not 'inf'"),
        ("temp 1e999", "not '1e999'"),
        ("temp ٣", "not '٣'"),
        ("temp 0", "from 0.1 to 2.0"),
        ("temp 0.09", "from 0.1 to 2.0"),
        ("temp 2.01", "from 0.1 to 2.0"),
        ("temp -1", "not '-1'"),
        ("temp 0,8", "not '0,8'"),
        ("temp 1_0", "not '1_0'"),
        ("temp 0x1", "not '0x1'"),
        ("temp hot", "/say temp hot"),
        ("topk", "from 1 to 50, such as: topk 10"),
        ("topk 0", "from 1 to 50, not '0'"),
        ("topk 51", "not '51'"),
        ("topk 3.5", "a whole number"),
        ("topk " + "9" * 5000, "a whole number from 1 to 50, not '99999999999999999999'"),
        ("/temp", "from 0.1 to 2.0"),
        ("/topp 1.1", "from 0 to 1"),
        ("/topp", "such as: topp 0.9"),
        ("/minp x", "not 'x'"),
        ("/penalty 0.5", "from 1 to 2"),
        ("/seed -1", "a whole number"),
        ("/beam 0", "from 1 to 64"),
        ("/candidates", "from 1 to 64"),
        ("/probs x", "runners-up"),
        ("/retry now", "takes nothing after it"),
        ("/greedy 3", "takes nothing after it"),
        ("/save", "needs a file name"),
        ("/load ", "needs a file name"),
        ("/say", "needs text"),
        ("/foo", "There is no command /foo"),
        ("/sav x", "did you mean /save?"),
        ("/temp0.8", "did you mean /temp?"),
        ("/topk10", "did you mean /topk?"),
        ("/" + "a" * 1_000_000, "There is no command /aaa"),
    ],
)
def test_a_wrong_command_is_explained(line: str, told: str) -> None:
    command = parse(line)
    assert isinstance(command, Explain)
    assert told in command.message
    assert len(command.message) < 200
    assert "\n" not in command.message.replace("\\n", "")


@given(st.text())
def test_every_text_means_something(text: str) -> None:
    command = parse(text)
    if isinstance(command, Say):
        assert command.text
        assert command.text in text


@given(st.sampled_from(sorted(COMMANDS)), st.text(max_size=30))
def test_every_command_with_anything_after_it_means_something(name: str, rest: str) -> None:
    parse(f"{name} {rest}")
    assert not isinstance(parse(f"/{name} {rest}"), Nothing)


@given(st.sampled_from(["temp", "topk", "/topp", "/minp", "/penalty", "/seed"]), st.floats())
def test_a_number_that_is_accepted_is_one_the_settings_accept(name: str, value: float) -> None:
    command = parse(f"{name} {value!r}")
    assert isinstance(command, SetNumber | Explain)
    if isinstance(command, SetNumber):
        SamplingConfig.model_validate({command.setting: command.value})


@pytest.mark.parametrize("entry", COMMANDS.values(), ids=lambda entry: entry.usage)
def test_the_usage_shown_is_understood(entry: object) -> None:
    assert not isinstance(parse("/" + entry.usage), Explain | Nothing)  # type: ignore[attr-defined]


def test_commands_are_understood_without_torch() -> None:
    import subprocess

    code = "import sys, lumina_cli.chat.parser; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("line", "name"),
    [("/?", "help"), ("/bye", "exit"), ("/q", "exit"), ("/reset", "clear")],
)
def test_what_other_chats_call_it_is_understood(line: str, name: str) -> None:
    assert parse(line) == Simple(name)  # type: ignore[arg-type]
