"""Chats between people, from the command line."""

import json
from pathlib import Path

import pytest

from tests.cli.command_line import lumina
from tests.cli.commands.test_train import TINY

LINE = "23.01.21, 21:{:02} - {}: what {} says, number {}\n"
CHAT = "".join(LINE.format(n, who, who, n) for n in range(60) for who in ("Anna", "Ben"))


@pytest.fixture(autouse=True)
def chat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "chat.txt"
    path.write_text(CHAT + "23.01.21, 22:00 - Ben: bye\n", encoding="utf-8")
    return path


def test_check_tells_who_speaks_and_who_the_bot_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert lumina("data", "check", "chat.txt", "--bot", "anna") == 0
    assert "Ben 61, Anna 60 (the bot)" in capsys.readouterr().out
    assert lumina("data", "check", "chat.txt", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["speakers"] == {"Ben": 61, "Anna": 60}
    assert found["bots"] == ["Ben"]
    assert found["files"] == {"chat.txt": {"whatsapp": 121}}


def test_training_stops_where_nobody_can_be_asked_and_says_what_to_type(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert lumina("train", "--data", "chat.txt", *TINY, "--dry-run") == 2
    err = capsys.readouterr().err
    assert "none of them is named as the bot" in err
    assert '--bot "Ben"' in err
    assert "Ben (61), Anna (60)" in err


def test_the_plan_tells_what_a_model_of_chats_gives_away(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert lumina("train", "--data", "chat.txt", "--bot", "Ben", *TINY, "--dry-run") == 0
    err = capsys.readouterr().err
    assert "privacy" in err
    assert "people's chats" in err


def test_a_pause_that_is_none_is_told_with_its_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert lumina("data", "check", "chat.txt", "--gap", "soon") == 2
    assert "gap must be a pause such as 30m, 6h or 2d" in capsys.readouterr().err
