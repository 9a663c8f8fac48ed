"""HTML as tokens, in one pass."""

import io
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.data.readers.documents import markup
from lumina_cli.data.readers.documents.markup import attributes_of, markup_tokens, unescape
from lumina_cli.errors import DataError


def tokens(text: str) -> list[str]:
    """Return each token in short: texts as they are, tags with the names alone."""
    found = markup_tokens(io.StringIO(text), path=Path("x"))
    signs = {"text": "{}", "open": "<{}>", "close": "</{}>", "lost": "LOST"}
    short: list[str] = []
    for kind, group in groupby(found, key=lambda token: token.kind):
        values = [signs[kind].format(token.value) for token in group]
        short += ["".join(values)] if kind == "text" else values
    return [each for each in short if each]


CASES = {
    "a<b>c</B>d": ["a", "<b>", "c", "</b>", "d"],
    "a < b <3": ["a < b <3"],
    "x<!-- <p> -->y<!---->z": ["xyz"],
    "<?php echo 1 ?>x<!DOCTYPE html>y": ["xy"],
    '<!DOCTYPE a [<!ENTITY b "c>">]>x': ["x"],
    "<a title='>' href=\"<\">x": ["<a>", "x"],
    "<p title=it's>x": ["<p>", "x"],
    "<br/>x": ["<br>", "x"],
    "<script>if (a<b) '</p>'</script>x": ["<script>", "</script>", "x"],
    "<script src='a'/>x": ["<script>", "x"],
    "<title>a</SCRIPT></Title >x": ["<title>", "</title>", "x"],
    "<![CDATA[a<b&amp;]]>x": ["a<b&amp;x"],
    "<xhtml:p>&lt;&eacute;&#x41;&nosuch;": ["<p>", "<éA&nosuch;"],
    "</>x</3>y": ["xy"],
    "a<": ["a<"],
    "x<a href='y>z": ["x", "LOST"],
    "<style>p{}": ["<style>", "LOST"],
    "x<!DOCTYPE html": ["x", "LOST"],
    "x<!DOCTYPE a [": ["x", "LOST"],
    "": [],
}


@pytest.mark.parametrize("text", CASES)
def test_tags_and_texts_are_told_apart(text: str) -> None:
    assert tokens(text) == CASES[text]


@given(
    st.lists(
        st.sampled_from(
            [
                "<",
                ">",
                "a",
                "[",
                "]",
                "!--",
                "!DOCTYPE",
                "</script",
                "![CDATA[",
                "-->",
                "&amp",
                ";",
                '"',
                "'",
                "=",
                " ",
                "/",
            ]
        )
    )
)
def test_it_does_not_matter_where_a_chunk_ends(parts: list[str]) -> None:
    text = "".join(parts)
    whole = tokens(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(markup, "CHUNK_CHARS", 1)
        assert tokens(text) == whole


UNENDING = [
    "<",
    "<a ",
    "<!",
    "<!--",
    "</",
    '<a b="',
    "&",
    "<![CDATA[",
    "<?",
    "&#9",
    "<a b=",
    "a=b ",
]


@pytest.mark.parametrize("part", UNENDING)
def test_what_never_ends_takes_time_by_its_length_alone(part: str) -> None:
    tokens(part * 100_000)
    tokens("<p " + part * 100_000)


def test_a_tag_without_end_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markup, "MAX_TAG_CHARS", 1000)
    monkeypatch.setattr(markup, "CHUNK_CHARS", 100)
    with pytest.raises(DataError, match="x:2 begins a tag of more than 32 million characters"):
        tokens("\n<img src='" + "A" * 5000)


def test_a_comment_may_be_of_any_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markup, "MAX_TAG_CHARS", 1000)
    monkeypatch.setattr(markup, "CHUNK_CHARS", 100)
    assert tokens("a<!--" + "x" * 5000 + "-->b<script>" + "y" * 5000 + "</script>c") == [
        *("ab", "<script>", "</script>", "c")
    ]


def test_lines_are_counted() -> None:
    found = markup_tokens(io.StringIO("a\n<b\n>\n<!--\n--><i>"), path=Path("x"))
    assert [(token.value, token.line) for token in found if token.kind == "open"] == [
        *(("b", 2), ("i", 5))
    ]


def test_attributes_are_read_in_all_their_forms() -> None:
    text = " a=1 B = 'two &amp;' c=\"t h\" hidden /"
    assert attributes_of(text) == {"a": "1", "b": "two &", "c": "t h", "hidden": ""}


def test_a_reference_of_thousands_of_digits_is_no_character() -> None:
    assert unescape("&#" + "9" * 5000 + ";&#x" + "f" * 5000 + ";&#65;") == "\ufffd\ufffdA"
