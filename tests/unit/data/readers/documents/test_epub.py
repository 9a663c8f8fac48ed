"""Books."""

from pathlib import Path

import pytest

from lumina_cli.errors import DataError
from tests.unit.data.readers.documents.archives import BOOK, PAGE, write_zip
from tests.unit.data.reading import issues, plain, read

HEAD = "the head of a page: its title and data about it"
ENCRYPTED = """<encryption><EncryptedData><EncryptionMethod Algorithm="a"/>
<CipherData><CipherReference URI="{}"/></CipherData></EncryptedData></encryption>"""


def test_chapters_are_read_in_the_order_of_the_spine(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.epub", BOOK)
    documents, report = read(path)
    assert plain(documents) == "Monday\n\nIt rains…\n\nTuesday\n\nIt is sunny.\n"
    assert report.texts == 1
    assert report.formats[path] == {"epub": 1}
    assert issues(report) == {
        HEAD: 2,
        "a page beside the chapters of a book": 1,
        "the table of contents of a book": 1,
        "a page of a book that is no text": 1,
        "a chapter that the book lists is missing in it": 1,
    }


def test_a_book_is_known_by_its_content(tmp_path: Path) -> None:
    assert plain(read(write_zip(tmp_path / "book", BOOK))[0]).startswith("Monday")


def test_marks_of_notes_and_pages_are_left_out(tmp_path: Path) -> None:
    text = 'A<a epub:type="noteref" href="#n">1</a> word<span epub:type="pagebreak">7</span>.'
    book = {**BOOK, "OEBPS/text/one.xhtml": PAGE.format("Monday", text)}
    documents, report = read(write_zip(tmp_path / "x.epub", book))
    assert plain(documents).startswith("Monday\n\nA word.\n")
    assert issues(report)["a mark of a note or page in a book"] == 2


def test_a_chapter_that_is_not_well_formed_is_read_all_the_same(tmp_path: Path) -> None:
    book = {**BOOK, "OEBPS/text/one.xhtml": "<html><p>One & <b>two<p>three"}
    assert plain(read(write_zip(tmp_path / "x.epub", book))[0]).startswith("One & two\n\nthree\n")


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    book = {**BOOK, "OEBPS/text/one.xhtml": b"<html><p>caf\xe9</p></html>"}
    documents, report = read(write_zip(tmp_path / "x.epub", book))
    assert plain(documents).startswith("caf\ufffd\n")
    assert issues(report)["U+FFFD stands for bytes that are no text"] == 1


def test_a_protected_book_is_refused_and_one_with_protected_fonts_is_not(tmp_path: Path) -> None:
    fonts = {**BOOK, "META-INF/encryption.xml": ENCRYPTED.format("OEBPS/fonts/a.otf")}
    assert plain(read(write_zip(tmp_path / "a.epub", fonts))[0]).startswith("Monday")
    chapters = {**BOOK, "META-INF/encryption.xml": ENCRYPTED.format("OEBPS/text/two%20b.xhtml")}
    with pytest.raises(DataError, match="DRM"):
        read(write_zip(tmp_path / "b.epub", chapters))


@pytest.mark.parametrize("name", ["META-INF/container.xml", "OEBPS/content.opf"])
@pytest.mark.parametrize(
    "content", [None, "", "<a", "<a/>", '<!DOCTYPE a [<!ENTITY a "&a;">]><a/>']
)
def test_a_damaged_book_is_one_line(tmp_path: Path, name: str, content: str | None) -> None:
    book = {**BOOK, name: content} if content is not None else {**BOOK}
    if content is None:
        del book[name]
    with pytest.raises(DataError) as caught:
        read(write_zip(tmp_path / "x.epub", {key: str(each) for key, each in book.items()}))
    assert "x.epub" in caught.value.message
    assert "\n" not in caught.value.message


def test_a_chapter_listed_a_thousand_times_is_read_once(tmp_path: Path) -> None:
    package = BOOK["OEBPS/content.opf"].replace(
        "<itemref", '<itemref idref="one"/>' * 1000 + "<itemref", 1
    )
    documents, _ = read(write_zip(tmp_path / "x.epub", {**BOOK, "OEBPS/content.opf": package}))
    assert plain(documents).count("Monday") == 1
