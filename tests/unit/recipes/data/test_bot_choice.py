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


def never(_: Counter[str]) -> Sequence[str]:
    raise AssertionError("nobody is to be asked")


def test_the_answer_of_a_person_is_taken(chat: Path) -> None:
    shown: list[Counter[str]] = []

    def answer(speakers: Counter[str]) -> list[str]:
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
        with_bot(settings(), paths=[chat], ask=lambda _: [])  # input that ended


def test_nobody_is_asked_without_a_choice(chat: Path) -> None:
    rows = write_bytes(chat.parent / "rows.jsonl", GOOD.encode())
    roles = write_bytes(chat.parent / "qa.txt", b"Q: a\nA: b\n")
    for paths in ([rows], [roles], [Path("starter")], []):
        assert with_bot(settings(), paths=paths, ask=never).of(DataConfig).bot == ()
    assert with_bot(settings(bot=["Eve"]), paths=[chat], ask=never).of(DataConfig).bot == ("Eve",)
