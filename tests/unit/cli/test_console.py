"""What reaches the two streams."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from lumina_cli.cli.console import notice, plain, print_json
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
