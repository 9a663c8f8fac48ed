"""What a file that is not UTF-8 probably is."""

import gzip
from pathlib import Path

import pytest

from lumina_cli.conversation import PlainText
from lumina_cli.errors import DataError
from tests.unit.data.reading import plain, read, write_bytes


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf16_is_refused_by_its_name_and_read_when_named(tmp_path: Path, encoding: str) -> None:
    path = write_bytes(tmp_path / "x.txt", "Hello\nworld, ä\n".encode(encoding))
    with pytest.raises(DataError) as refusal:
        read(path)
    assert f"--encoding {encoding}" in refusal.value.hint
    assert plain(read(path, encoding=encoding)[0]) == "Hello\nworld, ä\n"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("latin-1", "Als Gregor Samsa eines Morgens aus unruhigen Träumen erwachte, fand er."),
        ("cp1252", "He said \u201cno\u201d \u2014 and that\u2019s that, naïve as it may be."),
        ("cp1251", "Все счастливые семьи похожи друг на друга, каждая несчастлива по-своему."),
        ("koi8-r", "Все счастливые семьи похожи друг на друга, каждая несчастлива по-своему."),
        ("shift_jis", "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。"),
        ("euc_jp", "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。"),
        ("gb18030", "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心。"),
        ("euc_kr", "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다."),
    ],
)
def test_the_likely_encoding_is_named_and_reads_the_file(
    tmp_path: Path, encoding: str, text: str
) -> None:
    path = write_bytes(tmp_path / "x.txt", text.encode(encoding))
    with pytest.raises(DataError) as refusal:
        read(path)
    assert refusal.value.hint.endswith(f"--encoding {encoding}.")
    assert plain(read(path, encoding=encoding)[0]) == text


@pytest.mark.parametrize(
    ("magic", "what"), [(b"PK\x03\x04", "zip"), (b"\x89PNG\r\n", "picture"), (b"%PDF-", "PDF")]
)
def test_binary_files_are_refused_by_their_kind(tmp_path: Path, magic: bytes, what: str) -> None:
    with pytest.raises(DataError, match=what):
        read(write_bytes(tmp_path / "x.txt", magic + bytes(range(256))))


@pytest.mark.parametrize(
    ("begin", "what"),
    [
        ("%PDF-1.4\n1 0 obj\n", "a PDF"),
        ("\ufeff\n%PDF-1.7\n", "a PDF"),
        ("{\\rtf1\\ansi Hello}", "an RTF document"),
        ("{\\rtf\\ansi Hello}", "an RTF document"),
        ("%!PS-Adobe-3.0\n", "a PostScript document"),
        ("GIF89a", "a picture"),
        ("SQLite format 3\0", "a database"),
        ("\x7fELF\x02", "a program"),
    ],
)
@pytest.mark.parametrize("name", ["x.txt", "x.jsonl", "x", "x.txt.gz"])
def test_documents_of_characters_alone_are_refused(
    tmp_path: Path, begin: str, what: str, name: str
) -> None:
    data = (begin + "more of it, in letters\n").encode()
    path = write_bytes(tmp_path / name, gzip.compress(data) if name.endswith(".gz") else data)
    with pytest.raises(DataError, match=f"is {what}, not text"):
        read(path)


@pytest.mark.parametrize(
    "text",
    ["MZ is one\n", "PAR1 is one\n", "%PDF is how it begins\n", "{\\rtfx}\n", "BZh\n"],
)
def test_text_that_only_begins_alike_is_text(tmp_path: Path, text: str) -> None:
    assert read(write_bytes(tmp_path / "x.txt", text.encode()))[0] == [PlainText(text)]


def test_a_document_is_read_as_text_where_that_is_asked_for(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "x.txt", b"%PDF-1.4\n")
    assert read(path, format="text")[0] == [PlainText("%PDF-1.4\n")]
