"""Who the model learns to be, decided before a run."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from lumina_cli.data.config import DataConfig
from lumina_cli.errors import UsageError
from lumina_cli.recipes.data.bot_choice import ANSWER, with_bot
from lumina_cli.settings import Settings, resolve_settings
from tests.unit.data.chats.test_archive import CHAT
from tests.unit.data.reading import GOOD, write_bytes


def settings(**flags: object) -> Settings:
    return resolve_settings([DataConfig], flags=flags, environ={})


@pytest.fixture
def chat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_bytes(tmp_path / "chat.txt", (CHAT + "23.01.21, 21:07 - Ben: x\n").encode())


SUBTITLES = """1
00:00:01,000 --> 00:00:02,000
Ann: Hello

2
00:00:02,000 --> 00:00:03,000
Bo: Hi!

3
00:00:03,000 --> 00:00:04,000
- Who is there?
"""


def never(_: Counter[str], *, may_be_nobody: bool = False) -> Sequence[str]:
    raise AssertionError("nobody is to be asked")


def test_the_answer_of_a_person_is_taken(chat: Path) -> None:
    shown: list[Counter[str]] = []

    def answer(speakers: Counter[str], *, may_be_nobody: bool = False) -> list[str]:
        assert not may_be_nobody
        shown.append(speakers)
        return ["Anna"]

    chosen = with_bot(settings(), paths=[chat], ask=answer)
    assert shown == [{"Ben": 2, "Anna": 1}]
    assert chosen.of(DataConfig).bot == ("Anna",)
    assert chosen.sources["bot"] == ANSWER


def test_where_nobody_can_be_asked_the_next_step_is_told(chat: Path) -> None:
    with pytest.raises(UsageError, match="chats of 2 people") as error:
        with_bot(settings(), paths=[chat], ask=None)
    assert error.value.hint.startswith('Say who the model learns to be: --bot "Ben" (')
    assert "Ben (2), Anna (1)" in error.value.hint
    with pytest.raises(UsageError):
        with_bot(settings(), paths=[chat], ask=lambda _, **__: [])  # input that ended


def test_nobody_is_asked_without_a_choice(chat: Path) -> None:
    rows = write_bytes(chat.parent / "rows.jsonl", GOOD.encode())
    roles = write_bytes(chat.parent / "qa.txt", b"Q: a\nA: b\n")
    for paths in ([rows], [roles], [Path("starter")], []):
        assert with_bot(settings(), paths=paths, ask=never).of(DataConfig).bot == ()
    assert with_bot(settings(bot=["Eve"]), paths=[chat], ask=never).of(DataConfig).bot == ("Eve",)


def test_subtitles_that_name_speakers_are_asked_about_and_may_stay_a_text(tmp_path: Path) -> None:
    film = write_bytes(tmp_path / "film.srt", SUBTITLES.encode())
    shown: list[Counter[str]] = []

    def answer(speakers: Counter[str], *, may_be_nobody: bool = False) -> list[str]:
        assert may_be_nobody
        shown.append(speakers)
        return ["Bo"] if len(shown) == 1 else []

    assert with_bot(settings(), paths=[film], ask=answer).of(DataConfig).bot == ("Bo",)
    assert with_bot(settings(), paths=[film], ask=answer).of(DataConfig).bot == ()
    assert shown == [{"Ann": 1, "Bo": 1}] * 2


def test_nobody_is_asked_about_other_subtitles_or_without_a_terminal(tmp_path: Path) -> None:
    roles = SUBTITLES.replace("Ann", "User").replace("Bo", "Assistant")
    for name, text in (("roles", roles), ("none", SUBTITLES.replace("Ann: ", ""))):
        film = write_bytes(tmp_path / f"{name}.srt", text.encode())
        assert with_bot(settings(), paths=[film], ask=never).of(DataConfig).bot == ()
    film = write_bytes(tmp_path / "film.srt", SUBTITLES.encode())
    assert with_bot(settings(), paths=[film], ask=None).of(DataConfig).bot == ()


def test_beside_a_chat_subtitles_are_asked_about_together_with_it(chat: Path) -> None:
    film = write_bytes(chat.parent / "film.srt", SUBTITLES.encode())
    shown: list[Counter[str]] = []

    def answer(speakers: Counter[str], *, may_be_nobody: bool = False) -> list[str]:
        assert not may_be_nobody
        shown.append(speakers)
        return ["Ben"]

    with_bot(settings(), paths=[chat, film], ask=answer)
    assert shown == [{"Ben": 2, "Anna": 1, "Ann": 1, "Bo": 1}]
