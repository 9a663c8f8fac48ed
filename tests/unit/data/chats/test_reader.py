"""Chats among other data: who the bot is, what is refused, what changes a fingerprint."""

import hashlib
import json
from pathlib import Path

import pytest

from lumina_cli.data.config import DataConfig
from lumina_cli.data.documents import READER_VERSION, Documents
from lumina_cli.errors import DataError, UsageError
from tests.unit.data.chats.test_archive import CHAT
from tests.unit.data.reading import GOOD, counts, read, said, write_bytes

MORE = "23.01.21, 21:07 - Anna: Anna here, +49 151 2345678\n23.01.21, 21:08 - Ben: ok\n"


@pytest.fixture
def chat(tmp_path: Path) -> Path:
    return write_bytes(tmp_path / "chat.txt", (CHAT + MORE).encode())


def test_who_wrote_most_is_the_bot_unless_somebody_is_named(chat: Path) -> None:
    [document], report = read(chat)
    assert said(document)[0] == ("bot", "Hi")
    assert report.bots == ("Anna",)
    assert list(counts(report.notices)) == [
        "nobody is named as the bot, so it is who wrote most (--bot NAME names another)"
    ]
    [document], report = read(chat, bot=("ben",))
    assert said(document)[0] == ("user", "Hi")
    assert not report.notices.total


def test_a_name_that_nobody_has_is_refused_with_those_who_speak(chat: Path) -> None:
    with pytest.raises(UsageError, match="nobody in the chats is called 'Bob'") as error:
        read(chat, bot="Bob")
    assert "Anna (2), Ben (2)" in error.value.hint


def test_anonymizing_knows_the_speakers_before_it_begins(chat: Path) -> None:
    [document], report = read(chat, bot="Ben", anonymize=True)
    assert said(document)[2] == ("user", "Name1 here, Phone1")
    assert report.notices["a name was replaced (--anonymize)"] == 1


def test_other_data_beside_a_chat_is_read_as_ever(chat: Path) -> None:
    rows = write_bytes(chat.parent / "rows.jsonl", GOOD.encode())
    documents, report = read(chat.parent, bot="Ben")
    assert [len(said(document)) for document in documents] == [2, 4]
    assert set(report.formats) == {chat, rows}


def test_what_must_be_a_chat_and_is_none_is_refused(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "x.txt", b"It was a bright cold day.\n")
    with pytest.raises(DataError, match="no chat"):
        read(path, format="chat")


def test_every_setting_of_chats_changes_the_fingerprint(chat: Path) -> None:
    settings = [{}, {"bot": "Ben"}, {"gap": "1h"}, {"anonymize": True}, {"format": "text"}]
    found = {Documents([chat], config=DataConfig(**each)).fingerprint for each in settings}  # type: ignore[arg-type]
    assert len(found) == len(settings)


def test_the_fingerprint_of_other_data_is_what_it_was_before_there_were_chats(
    tmp_path: Path,
) -> None:
    path = write_bytes(tmp_path / "x.jsonl", GOOD.encode())
    first_names = {
        "allow_skips": False,
        "encoding": "utf-8",
        "format": "auto",
        "include_synthetic": False,
        "lang": "en",
        "mend_mojibake": False,
        "paths": "best",
    }
    by_hand = hashlib.sha256(json.dumps([READER_VERSION, first_names]).encode())
    by_hand.update(b".jsonl\0" + hashlib.sha256(GOOD.encode()).digest())
    assert Documents([path], config=DataConfig()).fingerprint == by_hand.hexdigest()
