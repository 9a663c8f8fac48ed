"""Word documents."""

from pathlib import Path

import pytest

from lumina_cli.errors import DataError
from tests.unit.data.readers.documents.archives import document, paragraph, write_zip
from tests.unit.data.reading import issues, plain, read, write_bytes


def read_docx(folder: Path, body: str, **parts: str) -> tuple[str, dict[str, int]]:
    documents, report = read(write_zip(folder / "x.docx", {**document(body), **parts}))
    return plain(documents), issues(report)


def run(inner: str) -> str:
    return f"<w:p><w:r>{inner}</w:r></w:p>"


CASES = {
    paragraph("One") + paragraph(" two "): "One\n two \n",
    paragraph("One") + "<w:p/>" + paragraph("Two"): "One\n\nTwo\n",
    run("<w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t>"): "a\tb\nc\n",
    '<w:p><w:pPr><w:tabs><w:tab w:val="left" w:pos="9"/></w:tabs></w:pPr><w:r><w:t>a</w:t></w:r>'
    "</w:p>": "a\n",
    "<w:p><w:r><w:t>un</w:t></w:r><w:ins><w:r><w:t>do</w:t></w:r></w:ins></w:p>": "undo\n",
    "<w:p><w:hyperlink><w:r><w:t>link</w:t></w:r></w:hyperlink></w:p>": "link\n",
    run("<w:instrText>PAGE</w:instrText><w:t>7</w:t>"): "7\n",
    run("<w:t>e</w:t><w:noBreakHyphen/><w:t>mail</w:t>"): "e\u2011mail\n",
    run('<w:t>a</w:t><w:br w:type="page"/><w:t>b</w:t>'): "a\nb\n",
    "<w:tbl><w:tr><w:tc>"
    + paragraph("A")
    + paragraph("a")
    + "</w:tc><w:tc>"
    + paragraph("")
    + "</w:tc><w:tc>"
    + paragraph("C")
    + "</w:tc></w:tr><w:tr><w:tc>"
    + paragraph("D")
    + "</w:tc></w:tr></w:tbl>"
    + paragraph("after"): "A a\t\tC\nD\nafter\n",
}


@pytest.mark.parametrize("body", CASES)
def test_paragraphs_become_lines(tmp_path: Path, body: str) -> None:
    assert read_docx(tmp_path, body) == (CASES[body], {})


LEFT_OUT = {
    "<w:del><w:r><w:delText>old</w:delText></w:r></w:del>": (
        "text that was deleted, but is kept as a change"
    ),
    "<w:r><w:rPr><w:vanish/></w:rPr><w:t>psst</w:t></w:r>": "hidden text",
    "<w:r><w:drawing><a:t>x</a:t></w:drawing></w:r>": "a picture",
    "<w:r><w:footnoteReference w:id='1'/></w:r>": "a note",
    "<m:oMath><m:r><m:t>x</m:t></m:r></m:oMath>": "a formula",
    "<w:r><w:sym w:char='F0E0'/></w:r>": "a symbol of a font",
}


@pytest.mark.parametrize("part", LEFT_OUT)
def test_what_is_no_text_of_the_document_is_counted(tmp_path: Path, part: str) -> None:
    body = f"<w:p><w:r><w:t>a</w:t></w:r>{part}<w:r><w:t>b</w:t></w:r></w:p>"
    assert read_docx(tmp_path, body) == ("ab\n", {LEFT_OUT[part]: 1})


def test_a_box_of_text_is_read_once(tmp_path: Path) -> None:
    box = f"<w:txbxContent>{paragraph('box')}</w:txbxContent>"
    choice = f"<mc:Choice><w:drawing>{box}</w:drawing></mc:Choice>"
    fallback = f"<mc:Fallback><w:pict>{box}</w:pict></mc:Fallback>"
    body = paragraph("a") + run(f"<mc:AlternateContent>{choice}{fallback}</mc:AlternateContent>")
    assert read_docx(tmp_path, body + paragraph("b"))[0] == "a\n\nbox\n\nb\n"


def test_headers_and_comments_are_counted(tmp_path: Path) -> None:
    parts = {"word/header1.xml": "<a/>", "word/comments.xml": "<a/>"}
    assert read_docx(tmp_path, paragraph("a"), **parts) == (
        "a\n",
        {"a header of the pages": 1, "the comments of a document": 1},
    )


def test_a_document_of_an_old_program_is_told(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "x.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    with pytest.raises(DataError, match="an old Office document, or one with a password"):
        read(path)


@pytest.mark.parametrize("content", ["", "<w", "<w:document>", "\x00"])
def test_a_damaged_document_is_one_line(tmp_path: Path, content: str) -> None:
    parts = {**document(""), "word/document2.xml": content}
    with pytest.raises(DataError, match=r"x\.docx/word/document2\.xml") as caught:
        read(write_zip(tmp_path / "x.docx", parts))
    assert "\n" not in caught.value.message


def test_without_its_main_part_a_document_is_damaged(tmp_path: Path) -> None:
    parts = document("")
    del parts["word/document2.xml"]
    with pytest.raises(DataError, match=r"word/document2\.xml is missing"):
        read(write_zip(tmp_path / "x.docx", {**parts, "word/styles.xml": "<a/>"}))
