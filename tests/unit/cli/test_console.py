"""What reaches the two streams."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from lumina_cli.cli.console import broken_between_words, notice, plain, print_aligned, print_json
from lumina_cli.cli.verbosity import verbosity
from lumina_cli.io.terminal_text import strip_controls


@given(text=st.text())
def test_plain_text_is_without_controls(text: str) -> None:
    assert plain(text).plain == strip_controls(text)


@given(text=st.text("[]/boldrei= \\"))
def test_plain_text_is_never_markup(text: str) -> None:
    console = Console(width=1000, force_terminal=True, color_system="truecolor", no_color=False)
    with console.capture() as capture:
        console.print(plain(text), end="", soft_wrap=True)
    assert capture.get() == text


def test_a_table_in_a_pipe_has_a_line_for_each_row_and_no_spaces_at_its_end() -> None:
    table, file = Table.grid(padding=(0, 2)), io.StringIO()
    table.add_row("Scripts", "Latin " * 40 + "end")
    table.add_row("Duplicates", plain("0 [of] 3\nmore"))
    print_aligned(Console(file=file, width=80), table)
    assert file.getvalue().split("\n") == [
        "Scripts     " + "Latin " * 40 + "end",
        "Duplicates  0 [of] 3",
        "            more",
        "",
    ]


def test_json_is_one_line_that_any_terminal_can_take(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"text": "é🙂\x1b\n", "number": 1.5}
    print_json(value)
    out, err = capsys.readouterr()
    assert json.loads(out) == value
    assert out.isascii()
    assert out.count("\n") == 1
    assert err == ""


def test_json_has_no_nan() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        print_json({"number": float("nan")})


def test_a_notice_is_told_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    notice("[dim]take care")
    assert capsys.readouterr() == ("", "[dim]take care\n")


def test_a_notice_is_not_told_when_quiet(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verbosity, "level", -1)
    notice("take care")
    assert capsys.readouterr() == ("", "")


def test_a_notice_is_one_line_of_bounded_length(capsys: pytest.CaptureFixture[str]) -> None:
    notice(f"{'x' * 10_000_000}\nerror: all is lost\x9b2J\u202e")
    err = capsys.readouterr().err
    assert len(err) <= 501
    assert err.endswith("x error: all is lost2J\n")
    assert err.count("\n") == 1


@pytest.mark.parametrize("width", [20, 30])
def test_a_line_breaks_between_words_and_its_rest_is_indented(width: int) -> None:
    shown = broken_between_words(
        "  temp 0.8  lower keeps to the likely", width=width, indent="    "
    )
    lines = shown.split("\n")
    assert max(map(len, lines)) <= width
    assert all(line.startswith("    ") for line in lines[1:])
    assert shown.split() == ["temp", "0.8", "lower", "keeps", "to", "the", "likely"]


def test_a_path_stays_whole_however_narrow_the_terminal() -> None:
    path = "/a/very/long/path/to/a/file.txt"
    assert path in broken_between_words(f"saved in {path} now", width=12).split("\n")


def test_a_command_that_is_too_long_stands_whole_in_a_line_of_its_own() -> None:
    command = "lumina train --resume --out a.pth --max-steps 6000"
    assert broken_between_words(f"Go on: {command}", width=40) == f"Go on:\n  {command}"
    assert broken_between_words(f"Go on: {command}", width=80) == f"Go on: {command}"


def test_a_command_in_a_sentence_breaks_as_words_do() -> None:
    text = "Train one: lumina train --preset demo. Or ask somebody for theirs"
    assert max(map(len, broken_between_words(text, width=30).split("\n"))) <= 30
