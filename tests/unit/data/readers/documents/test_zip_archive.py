"""Archives that are made to fill memory or disk."""

import zipfile
from pathlib import Path

import pytest

from lumina_cli.data.readers.documents import zip_archive
from lumina_cli.errors import DataError
from tests.unit.data.readers.documents.archives import BOOK, document, paragraph, write_zip
from tests.unit.data.reading import plain, read, write_bytes


def docx_bytes(folder: Path, body: str = "") -> bytes:
    return write_zip(folder / "good.docx", document(body or paragraph("Hello"))).read_bytes()


def test_an_archive_that_grows_without_measure_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_archive, "SAFE_UNPACKED_BYTES", 1 << 16)
    body = paragraph("A" * 100) * 20_000
    path = write_zip(tmp_path / "x.docx", document(body))
    with pytest.raises(DataError, match="unpacks to far more than text does"):
        read(path)


def test_so_is_one_whose_many_chapters_grow_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_archive, "SAFE_UNPACKED_BYTES", 1 << 16)
    monkeypatch.setattr(zip_archive, "MAX_GZIP_RATIO", 5)
    long = "<html><p>" + "A" * 60_000
    book = {**BOOK, "OEBPS/text/one.xhtml": long, "OEBPS/text/two b.xhtml": long}
    with pytest.raises(DataError, match="unpacks to far more than text does"):
        read(write_zip(tmp_path / "x.epub", book))


def test_a_member_that_lies_about_its_size_is_damage(tmp_path: Path) -> None:
    data = bytearray(write_zip(tmp_path / "x.docx", document(paragraph("A" * 9000))).read_bytes())
    name = b"word/document2.xml"
    at = data.rindex(name) - 22  # its unpacked size, in the directory
    data[at : at + 4] = (60).to_bytes(4, "little")
    with pytest.raises(DataError, match=r"x\.docx"):
        read(write_bytes(tmp_path / "x.docx", bytes(data)))


def test_an_archive_of_too_many_members_is_refused_before_they_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_archive, "MAX_MEMBERS", 100)
    members = {f"{number}": "" for number in range(101)}
    with pytest.raises(DataError, match="members"):
        read(write_zip(tmp_path / "x.epub", members))


@pytest.mark.parametrize("name", ["x.docx", "x.epub"])
@pytest.mark.parametrize("damage", ["cut", "empty", "no zip"])
def test_damage_is_one_line(tmp_path: Path, name: str, damage: str) -> None:
    data = docx_bytes(tmp_path)
    damaged = {"cut": data[: len(data) // 2], "empty": b"PK\x03\x04", "no zip": b"PK\x03\x04" * 99}
    with pytest.raises(DataError, match="is no whole zip archive") as caught:
        read(write_bytes(tmp_path / name, damaged[damage]))
    assert "\n" not in caught.value.message


def test_a_flipped_byte_is_damage(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.docx", document(paragraph("Hello" * 50)), packed=False)
    path.write_bytes(path.read_bytes().replace(b"HelloHello", b"HelloJello", 1))
    with pytest.raises(DataError, match="it is damaged"):
        read(path)


def test_a_member_that_lies_before_the_beginning_is_damage(tmp_path: Path) -> None:
    data = bytearray(docx_bytes(tmp_path))
    at = data.rindex(b"PK\x01\x02")
    del data[at - 30 : at]  # so all begin earlier than the directory says
    with pytest.raises(DataError, match=r"x\.docx can't be read"):
        read(write_bytes(tmp_path / "x.docx", bytes(data)))


def test_an_encrypted_member_is_told(tmp_path: Path) -> None:
    data = bytearray(docx_bytes(tmp_path))
    for sign, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        begin = data.find(sign)
        while begin >= 0:
            data[begin + at] |= 1
            begin = data.find(sign, begin + 4)
    with pytest.raises(DataError, match="it is encrypted"):
        read(write_bytes(tmp_path / "x.docx", bytes(data)))


def test_an_unusual_packing_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.docx", "w", zipfile.ZIP_LZMA) as archive:
        for name, content in document(paragraph("Hello")).items():
            archive.writestr(name, content)
    with pytest.raises(DataError, match="unusual way"):
        read(tmp_path / "x.docx")


def test_nothing_is_written_beside_the_archive(tmp_path: Path) -> None:
    members = {**document(paragraph("Hello")), "../evil.txt": "x", "/etc/evil": "x"}
    folder = tmp_path / "in"
    folder.mkdir()
    documents, _ = read(write_zip(folder / "x.docx", members))
    assert plain(documents) == "Hello\n"
    assert [file.name for file in tmp_path.rglob("*")] == ["in", "x.docx"]


def test_another_archive_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="archive"):
        read(write_zip(tmp_path / "x.odt", {"content.xml": "<a/>"}, packed=True))
