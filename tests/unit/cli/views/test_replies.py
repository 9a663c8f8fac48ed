"""Who reads replies from a pipe knows where each of them ends."""

import json
from collections.abc import Iterator

import pytest

from lumina_cli.cli.views.replies import ReplyWriter
from lumina_cli.errors import LuminaError

LINES = ["one\ntwo", "\r\nthree\u2028", "four\n"]


def failing() -> Iterator[str]:
    yield "so far"
    raise LuminaError("no more")


def test_a_reply_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    writer = ReplyWriter("text")
    writer.write(iter(LINES), prompt="?")
    writer.write_nothing(prompt="")
    assert capsys.readouterr().out == "".join(LINES)
    assert not writer.has_joined_lines


def test_in_a_pipe_each_line_is_answered_on_one(capsys: pytest.CaptureFixture[str]) -> None:
    writer = ReplyWriter("line")
    writer.write(iter(["short"]), prompt="?")
    assert not writer.has_joined_lines
    writer.write(iter(LINES), prompt="?")
    writer.write_nothing(prompt="")
    writer.write(iter([]), prompt="?")
    out = capsys.readouterr().out
    assert out.splitlines() == ["short", "one two three four ", "", ""]
    assert writer.has_joined_lines


def test_an_object_keeps_the_lines_of_a_reply(capsys: pytest.CaptureFixture[str]) -> None:
    writer = ReplyWriter("json")
    writer.write(iter(LINES), prompt="what?\n")
    writer.write_nothing(prompt="/shrug")
    with pytest.raises(LuminaError):
        writer.write(failing(), prompt="more")
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert objects == [
        {"prompt": "what?\n", "reply": "".join(LINES)},
        {"prompt": "/shrug", "reply": None},
        {"prompt": "more", "reply": None},
    ]


def test_a_failure_ends_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    writer = ReplyWriter("line")
    with pytest.raises(LuminaError):
        writer.write(failing(), prompt="more")
    assert capsys.readouterr().out == "so far\n"
