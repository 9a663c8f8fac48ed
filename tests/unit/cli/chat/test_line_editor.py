"""Lines without a terminal library: plain input, pipes, pastes."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lumina_cli.cli.chat.history import LineHistory
from lumina_cli.cli.chat.line_editor import (
    PipeEditor,
    PlainEditor,
    PromptToolkitEditor,
    make_editor,
)


@pytest.fixture
def history(tmp_path: Path) -> LineHistory:
    return LineHistory(tmp_path / "lines")


def type_lines(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    typed: Iterator[str] = iter(lines)
    monkeypatch.setattr("builtins.input", lambda prompt: next(typed))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)


def test_a_line_is_read_and_remembered(
    monkeypatch: pytest.MonkeyPatch, history: LineHistory
) -> None:
    type_lines(monkeypatch, "hello")
    assert PlainEditor(history).read("you> ") == "hello"
    assert history.lines == ["hello"]


def test_in_multiline_an_empty_line_sends(
    monkeypatch: pytest.MonkeyPatch, history: LineHistory
) -> None:
    type_lines(monkeypatch, "one", "  two", "", "/multiline")
    editor = PlainEditor(history)
    editor.multiline = True
    assert editor.read("you> ") == "one\n  two"
    assert editor.read("you> ") == "/multiline"


def test_replies_to_a_file_leave_the_prompt_on_stderr(
    monkeypatch: pytest.MonkeyPatch, history: LineHistory, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("hello\n"))
    assert PlainEditor(history).read("you> ") == "hello"
    out, err = capsys.readouterr()
    assert (out, err) == ("", "you> ")


def test_the_end_of_a_pipe_is_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("one\n\ntwo"))
    editor = PipeEditor()
    assert [editor.read(""), editor.read(""), editor.read("")] == ["one", "", "two"]
    with pytest.raises(EOFError):
        editor.read("")
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(EOFError):
        editor.read("")


@pytest.mark.parametrize("term", ["dumb", "unknown", ""])
def test_a_terminal_that_knows_nothing_gets_plain_input(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, term: str
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert isinstance(make_editor(), PlainEditor)


def test_without_prompt_toolkit_there_is_plain_input(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("lumina_cli.cli.chat.line_editor.find_spec", lambda name: None)
    assert isinstance(make_editor(), PlainEditor)


def test_two_long_pastes_are_each_put_back(history: LineHistory) -> None:
    pytest.importorskip("prompt_toolkit")
    from prompt_toolkit.input import create_pipe_input
    from prompt_toolkit.output import DummyOutput

    one, two = "a\r\n" * 1000, "b" * 3000
    with create_pipe_input() as pipe:
        editor = PromptToolkitEditor(history, input=pipe, output=DummyOutput())
        pipe.send_text(f"\x1b[200~{one}\x1b[201~ and \x1b[200~{two}\x1b[201~\r")
        assert editor.read("you> ") == "a\n" * 1000 + " and " + two
        pipe.send_text("\x1b[200~short\x1b[201~\r")
        assert editor.read("you> ") == "short"
    assert history.lines[-1] == "short"


def test_a_long_paste_comes_back_from_the_history_whole(history: LineHistory) -> None:
    pytest.importorskip("prompt_toolkit")
    from prompt_toolkit.input import create_pipe_input
    from prompt_toolkit.output import DummyOutput

    page, book = "a" * 3000, "b" * 20_000
    with create_pipe_input() as pipe:
        editor = PromptToolkitEditor(history, input=pipe, output=DummyOutput())
        for paste in (page, book):
            pipe.send_text(f"\x1b[200~{paste}\x1b[201~\r")
            assert editor.read("you> ") == paste
        pipe.send_text("\x1b[A\r")  # the newest that is kept
        assert editor.read("you> ") == page
    assert history.lines == [page]


def test_a_long_draft_is_sent_whole(history: LineHistory) -> None:
    pytest.importorskip("prompt_toolkit")
    from prompt_toolkit.input import create_pipe_input
    from prompt_toolkit.output import DummyOutput

    with create_pipe_input() as pipe:
        editor = PromptToolkitEditor(history, input=pipe, output=DummyOutput())
        pipe.send_text("\r")
        assert (
            editor.read("you> ", default="/edit " + "a" * 1_000_000) == "/edit " + "a" * 1_000_000
        )
