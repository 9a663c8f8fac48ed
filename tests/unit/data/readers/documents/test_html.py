"""What a person reads of a page."""

from pathlib import Path

import pytest

from tests.unit.data.reading import issues, plain, read, write_bytes

HEAD = "the head of a page: its title and data about it"


def read_page(folder: Path, body: str) -> tuple[str, dict[str, int]]:
    """Return the text of a page and what was left out of it."""
    page = f"<!DOCTYPE html>\n<html><body>{body}</body></html>"
    documents, report = read(write_bytes(folder / "x.html", page.encode()))
    return plain(documents), issues(report)


CASES = {
    "<p>One\n  line.</p><p>Two.</p>": "One line.\n\nTwo.\n",
    "<h1>Title</h1>Text <b>bold</b>, <i>not</i>.": "Title\n\nText bold, not.\n",
    "<div>a</div><div>b<div>c</div></div>": "a\nb\nc\n",
    "a<br>b<br/><br>c": "a\nb\n\nc\n",
    "<ul><li>One<li>Two <p>more</p></ul><p>Then</p>": "One\nTwo\nmore\n\nThen\n",
    "<table><tr><th>A<th>B<tr><td>1</td> <td>2</td></table>": "A\tB\n1\t2\n",
    "<p>Ver<wbr>y lo<span>ng</span></p>": "Very long\n",
    "<pre>\n  a\n    b\n\n</pre>c": "  a\n    b\n\nc\n",
    "a&nbsp;b &lt;c&gt; caf&eacute; &#128512;": "a\xa0b <c> café 😀\n",
    "<p>unclosed <b>bold<p>next</p>": "unclosed bold\n\nnext\n",
    "1 < 2 && 3 > 2": "1 < 2 && 3 > 2\n",
}


@pytest.mark.parametrize("body", CASES)
def test_blocks_become_lines_and_paragraphs(tmp_path: Path, body: str) -> None:
    assert read_page(tmp_path, body) == (CASES[body], {})


LEFT_OUT = {
    "<script>var a = '<p>no</p>';</script>": "a script",
    "<style>p{}</style>": "a style sheet",
    "<nav><ul><li>Home</ul></nav>": "a menu",
    "<div role='navigation'>Home</div>": "a menu",
    "<footer>Imprint</footer>": "a footer",
    "<aside>Also</aside>": "what stands beside the text (aside)",
    "<noscript>On!</noscript>": "a text for programs without scripts",
    "<template><p>x</p></template>": "a template that scripts use",
    "<select><option>a<option>b</select>": "a part of a form",
    "<textarea>a</textarea>": "a part of a form",
    "<svg><title>a</title><text>b</text></svg>": "a drawing",
    "<video>no film</video>": "a recording or film",
    "<img src='data:image/png;base64,AAAA' alt='A cat'>": "a picture",
    "<div hidden>x</div>": "what the page hides",
    "<div style='color:red; display: none'>x</div>": "what the page hides",
    "<span aria-hidden='true'>x</span>": "what the page hides",
    "<ruby><rp>(</rp></ruby>": "brackets around a pronunciation",
}


@pytest.mark.parametrize("part", LEFT_OUT)
def test_what_makes_a_page_work_is_left_out_and_counted(tmp_path: Path, part: str) -> None:
    text, left_out = read_page(tmp_path, f"<p>Before{part}</p><p>after</p>")
    assert (text, left_out) == ("Before\n\nafter\n", {LEFT_OUT[part]: 1})


def test_the_head_is_no_text(tmp_path: Path) -> None:
    page = "<html><head><title>T</title><style>p{}</style></head><p>a</p></html>"
    documents, report = read(write_bytes(tmp_path / "x.htm", page.encode()))
    assert plain(documents) == "a\n"
    assert issues(report) == {HEAD: 1}


def test_what_stands_beside_an_article_in_it_belongs_to_it(tmp_path: Path) -> None:
    body = "<article><header>a</header><aside>b</aside><footer>c</footer></article>"
    assert read_page(tmp_path, body) == ("a\nb\nc\n", {})


def test_a_menu_that_is_never_closed_ends_with_what_holds_it(tmp_path: Path) -> None:
    assert read_page(tmp_path, "<div><nav>Home</div><p>Text</p>") == ("Text\n", {"a menu": 1})


def test_a_pronunciation_is_left_out_whether_closed_or_not(tmp_path: Path) -> None:
    text, left_out = read_page(tmp_path, "<ruby>漢<rt>かん</rt>字<rt>じ</ruby>です")
    assert (text, left_out) == ("漢字です\n", {"a pronunciation (ruby)": 2})


def test_a_page_of_scripts_alone_holds_no_text(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "a.html", b"<html><script>let a = [];</script></html>")
    other = write_bytes(tmp_path / "b.txt", b"text")
    documents, report = read(path, other)
    assert plain(documents) == "text"
    assert issues(report) == {"a script": 1, "a file without text": 1}


ENCODED = [
    '<meta charset="iso-8859-1"><p>caf\xe9 \x93so\x94</p>'.encode("latin-1"),
    '<?xml version="1.0" encoding="ISO-8859-1"?><html><p>café “so”</p></html>'.encode("cp1252"),
    "<html><p>café “so”</p></html>".encode("utf-16"),
    "\ufeff<html><p>café “so”</p></html>".encode(),
    '<html><meta charset="latin-1"><p>café “so”</p></html>'.encode(),  # it was converted
    '<html><meta charset="nonsense"><p>café “so”</p></html>'.encode(),
]


@pytest.mark.parametrize("data", ENCODED)
def test_a_page_names_its_own_encoding(tmp_path: Path, data: bytes) -> None:
    assert plain(read(write_bytes(tmp_path / "x.html", data))[0]) == "café “so”\n"


def test_a_setting_is_stronger_than_what_a_page_declares(tmp_path: Path) -> None:
    data = '<html><meta charset="utf-8"><p>мир</p></html>'.encode("koi8-r")
    path = write_bytes(tmp_path / "x.html", data)
    assert plain(read(path, encoding="koi8-r")[0]) == "мир\n"


def test_elements_may_lie_in_one_another_without_end(tmp_path: Path) -> None:
    deep = "<div>" * 30_000
    text, _ = read_page(tmp_path, f"{deep}a{'</span>' * 30_000}{'</div>' * 30_000}<p>b</p>")
    assert text == "a\n\nb\n"


def test_a_long_page_is_one_text(tmp_path: Path) -> None:
    lines = [f"line {number} " + "word " * 30 + "." for number in range(3_000)]
    path = write_bytes(tmp_path / "x.html", ("<p>" + "</p><p>".join(lines)).encode())
    documents, report = read(path)
    assert plain(documents) == "\n\n".join(lines) + "\n"
    assert len(documents) > 1
    assert report.texts == 1
