"""The text of XML, and what is made to harm its reader."""

from pathlib import Path

import pytest

from lumina_cli.data.config import DataConfig
from lumina_cli.data.documents import Documents
from lumina_cli.data.readers.documents import xml_text
from lumina_cli.errors import DataError
from tests.unit.data.reading import SHARED, issues, needs_shared_data, plain, read, write_bytes

ENTITY = "an entity whose text is not in the file, or is too long"


def read_xml(folder: Path, text: str) -> tuple[str, dict[str, int]]:
    documents, report = read(write_bytes(folder / "x.xml", text.encode()))
    return plain(documents), issues(report)


CASES = {
    "<a><v>One\n  verse.</v><v>Two</v></a>": "One verse.\nTwo\n",
    "<a>\n<c>\n<v>1</v>\n<v>2</v>\n</c>\n<c>\n<v>3</v>\n</c>\n</a>": "1\n2\n\n3\n",
    "<p>Some <b>bold</b>, <i>not</i> text.</p>": "Some bold, not text.\n",
    "<s><w>In</w> <w>the</w> <w>end</w></s>": "In the end\n",
    "<p><b>B</b>old <b>a</b><i>b</i></p>": "Bold ab\n",
    "<c><t>Title</t>\nText\nthat goes on</c>": "Title\nText that goes on\n",
    "<p>One\n\n  Two</p>": "One\n\nTwo\n",
    '<t xml:space="preserve">a\n  b\n</t>': "a\n  b\n",
    "<p>a &amp; b &lt; &#233;&nbsp;&eacute;</p>": "a & b < é\xa0é\n",
    "<p>\u3000<![CDATA[a<b]]><!-- no --><?no no?></p>": "\u3000a<b\n",
    "<x:a xmlns:x='u'><x:p>x</x:p></x:a>": "x\n",
}


@pytest.mark.parametrize("text", CASES)
def test_elements_become_lines_unless_they_stand_in_text(tmp_path: Path, text: str) -> None:
    assert read_xml(tmp_path, text) == (CASES[text], {})


def test_headers_and_notes_are_left_out_and_counted(tmp_path: Path) -> None:
    text = (
        "<TEI><teiHeader><title>T</title></teiHeader><text><p>A<note>B</note> c</p>"
        "<description>d</description></text></TEI>"
    )
    assert read_xml(tmp_path, text) == (
        "A c\nd\n",
        {"the header of a corpus: data about the text": 1, "a note": 1},
    )


def test_text_in_attributes_is_told(tmp_path: Path) -> None:
    text = '<a><row Body="It is a text" id="7"/><row Body="It is a text"/><p>x</p></a>'
    assert read_xml(tmp_path, text) == (
        "x\n",
        {"there is text in the attribute 'Body', which is not read": 2},
    )


def test_entities_that_the_file_declares_are_texts_and_others_are_counted(tmp_path: Path) -> None:
    text = (
        '<!DOCTYPE a [<!ENTITY me "Ann"><!ENTITY far SYSTEM "x.txt">]>'
        "<a><p>&me; &far;&unknown;.</p></a>"
    )
    write_bytes(tmp_path / "x.txt", b"SECRET")
    assert read_xml(tmp_path, text) == ("Ann .\n", {ENTITY: 2})


WICKED = {
    "laughs": '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><a c="&b;">&b;</a>',
    "long": f'<!DOCTYPE a [<!ENTITY a "{"ha" * 1000}">]><a>&a;</a>',
    "parameters": '<!DOCTYPE a [<!ENTITY % a "ha"><!ENTITY b "%a;">]><a>&b;</a>',
    "external": '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a>&b;</a>',
    "own files": '<!DOCTYPE a [<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;]><a>x</a>',
}


@pytest.mark.parametrize("name", WICKED)
def test_no_entity_grows_or_leads_out_of_the_file(tmp_path: Path, name: str) -> None:
    path = write_bytes(tmp_path / "x.xml", WICKED[name].encode())
    if name in ("external", "own files"):
        documents = Documents([path], config=DataConfig())
        assert plain(documents.read()) in ("", "x\n")
        return
    with pytest.raises(DataError, match=r"an entity that grows|parameter entity") as caught:
        read(path)
    assert "\n" not in caught.value.message


def test_thousands_of_references_to_one_entity_are_that_many_texts(tmp_path: Path) -> None:
    text = f'<!DOCTYPE a [<!ENTITY b "ha">]><a>{"&b;" * 5000}</a>'
    assert read_xml(tmp_path, text) == ("ha" * 5000 + "\n", {})


def test_more_entities_than_anyone_needs_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xml_text, "MAX_ENTITIES", 100)
    entities = "".join(f'<!ENTITY e{number} "x">' for number in range(101))
    with pytest.raises(DataError, match="more than ten thousand entities"):
        read_xml(tmp_path, f"<!DOCTYPE a [{entities}]><a>x</a>")


def test_elements_that_lie_too_deep_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="ten thousand deep"):
        read_xml(tmp_path, "<a>" * 10_001)
    assert read_xml(tmp_path, "<a>" * 9_000 + "x" + "</a>" * 9_000)[0] == "x\n"


def test_a_tag_without_end_fills_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_text, "MAX_TAG_CHARS", 100_000)
    monkeypatch.setattr(xml_text, "CHUNK_CHARS", 1000)
    with pytest.raises(DataError, match="a tag or comment in it is longer"):
        read_xml(tmp_path, f'<a b="{"x" * 200_000}">x</a>')


@pytest.mark.parametrize("text", ["<a><p>x</p>", "<a><p>x</a>", "<a>x & y</a>", "<a>x</a><b/>"])
def test_damage_is_one_line_with_the_place_and_what_to_do(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match=r"x\.xml:1 is not well-formed XML: ") as caught:
        read_xml(tmp_path, text)
    assert "--format html" in caught.value.hint
    documents, _ = read(tmp_path / "x.xml", format="html")
    assert plain(documents).startswith("x")


def test_an_old_encoding_is_read_as_declared(tmp_path: Path) -> None:
    data = '<?xml version="1.0" encoding="shift_jis"?><a>吾輩は猫である</a>'.encode("shift_jis")
    assert plain(read(write_bytes(tmp_path / "x.xml", data))[0]) == "吾輩は猫である\n"


@needs_shared_data
def test_of_a_bible_each_verse_is_a_line(tmp_path: Path) -> None:
    path = SHARED / "lang" / "gujarati-bible-nt.xml"
    documents, report = read(path)
    source = path.read_text(encoding="utf-8")
    verses = source.split('type="verse">')[1:]
    expected = [" ".join(verse.split("</seg>")[0].split()) for verse in verses]
    lines = [line for line in plain(documents).split("\n") if line]
    assert lines == [verse for verse in expected if verse]
    assert report.texts == 1
