"""Zip archives of chats."""

import io
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from lumina_cli.data.chats.archive import is_archive
from lumina_cli.data.readers.documents import zip_archive
from lumina_cli.errors import DataError, LuminaError
from tests.unit.data.chats.chatting import write_zip
from tests.unit.data.reading import counts, read, said, write_bytes

CHAT = "23.01.21, 21:05 - Anna: Hi\n23.01.21, 21:06 - Ben: Ho\n"


def test_the_chat_of_an_archive_is_read_and_the_rest_counted(tmp_path: Path) -> None:
    members = {
        "_chat.txt": "\ufeff" + CHAT,
        "0001-PHOTO.jpg": b"\xff\xd8",
        "notes.txt": "no chat",
        "inner.zip": b"PK",
        "__MACOSX/._chat.txt": b"x",
    }
    [document], report = read(write_zip(tmp_path / "x.zip", members), bot="Ben")
    assert said(document) == [("user", "Hi"), ("bot", "Ho")]
    assert counts(report.left_out) == {
        "a file of the archive is no text": 1,
        "a file of the archive is no chat": 1,
    }
    assert counts(report.notices) == {"an archive inside the archive; unpack it to have it read": 1}
    assert [str(path.relative_to(tmp_path)) for path in report.formats] == ["x.zip/_chat.txt"]


def test_names_lead_nowhere(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.zip", {"../../etc/passwd.txt": CHAT, "/root.txt": CHAT})
    documents, _ = read(path, bot="Ben")
    assert len(documents) == 2
    assert list(tmp_path.iterdir()) == [path]


def test_an_archive_without_a_chat_is_refused_or_told_in_a_folder(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.zip", {"notes.txt": "no chat"})
    with pytest.raises(DataError, match="holds no chat"):
        read(path)
    write_bytes(tmp_path / "chat.txt", CHAT.encode())
    documents, _ = read(tmp_path, bot="Ben")
    assert len(documents) == 1


def test_an_archive_that_unpacks_to_far_more_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_zip(tmp_path / "x.zip", {"_chat.txt": CHAT + "x" * 3_000_000})
    monkeypatch.setattr(zip_archive, "SAFE_UNPACKED_BYTES", 1000)
    with pytest.raises(DataError, match="unpacks to far more"):
        read(path, bot="Ben")


def test_too_many_members_are_no_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_zip(tmp_path / "x.zip", {f"{number}.txt": "" for number in range(20)})
    assert is_archive(path)
    monkeypatch.setattr(zip_archive, "MAX_MEMBERS", 10)
    assert not is_archive(path)


@pytest.mark.parametrize("name", ["[Content_Types].xml", "mimetype", "archive/data.pkl"])
def test_formats_that_only_look_like_archives_are_none(tmp_path: Path, name: str) -> None:
    assert not is_archive(write_zip(tmp_path / "x", {name: "x"}))


def test_an_encrypted_member_is_told(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("_chat.txt", CHAT)
    raw = bytearray(data.getvalue())
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(DataError, match="no chat"):
        read(write_bytes(tmp_path / "x.zip", bytes(raw)))


def test_no_damage_breaks_it(tmp_path: Path) -> None:
    whole = write_zip(tmp_path / "x.zip", {"_chat.txt": CHAT * 20, "b.json": "[]"}).read_bytes()
    for at in range(0, len(whole), 7):
        for data in (whole[:at], whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]):
            with suppress(LuminaError):
                read(write_bytes(tmp_path / "y.zip", data), bot="Ben", allow_skips=True)
