"""The question who the bot is."""

import io
from collections import Counter

import pytest

from lumina_cli.cli.questions import bot_question
from lumina_cli.cli.questions.bot_question import ask, asker, read_answer
from lumina_cli.cli.verbosity import verbosity

SPEAKERS = Counter({"Anna": 3, "Ben, Jr.": 2, "Eve\x1b[31m": 1})
NAMES = list(SPEAKERS)


@pytest.mark.parametrize(
    ("line", "chosen", "unknown"),
    [
        ("1\n", ["Anna"], []),
        (" 2, anna ", ["Ben, Jr.", "Anna"], []),
        ("ben, jr.", ["Ben, Jr."], []),
        ("4", [], ["4"]),
        ("0, Bob", [], ["0", "Bob"]),
        ("\n", [], []),
    ],
)
def test_numbers_and_names_are_answers(line: str, chosen: list[str], unknown: list[str]) -> None:
    assert read_answer(line, names=NAMES, speakers=SPEAKERS) == (chosen, unknown)


def test_it_asks_again_until_somebody_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\nBob\n1\n"))
    assert ask(SPEAKERS) == ["Anna"]
    shown = capsys.readouterr()
    assert not shown.out
    assert "Nobody is called 'Bob'." in shown.err
    assert "3 messages" in shown.err
    assert "\x1b[31m" not in shown.err


def test_input_that_ends_names_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert ask(SPEAKERS) == []


def test_an_empty_line_is_an_answer_where_it_may_be_nobody(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Bob\n\n1\n"))
    assert ask(SPEAKERS, may_be_nobody=True) == []
    assert "Enter for nobody, as a text" in capsys.readouterr().err


def test_nobody_is_asked_without_a_terminal_or_where_it_is_to_be_quiet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert asker() is None
    monkeypatch.setattr(bot_question.sys, "stdin", Terminal())
    monkeypatch.setattr(bot_question.sys, "stderr", Terminal())
    monkeypatch.setattr(verbosity, "level", 0)
    assert asker() is ask
    monkeypatch.setattr(verbosity, "level", -1)
    assert asker() is None
