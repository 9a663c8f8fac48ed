"""Which kind of document a file is."""

from pathlib import Path

import pytest

from lumina_cli.data.readers.documents.kinds import KINDS, SUFFIXES, kind_of_text
from lumina_cli.data.readers.files import DOCUMENT_SUFFIXES
from tests.unit.data.reading import plain, read, write_bytes

SRT = "1\n00:00:01,000 --> 00:00:02,000\nHello\n"
VTT = "WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n"
MAIL = "From: a@b.c\nMIME-Version: 1.0\n\nHello\n"
MBOX = "From a@b.c Mon Jan  6 10:00:00 2025\n" + MAIL
PAGE = "<!DOCTYPE html>\n<html><p>Hello</p></html>"
XML = '<?xml version="1.0"?>\n<a><p>Hello</p></a>'
YAML = "conversations:\n- - Hello\n  - Hi!\n"

KNOWN = [
    ("subtitles", ["", ".srt", ".txt", ".md", ".log"], SRT),
    ("subtitles", ["", ".vtt", ".txt"], VTT),
    ("subtitles", [".vtt", ""], "\ufeff\r\nWEBVTT FILE\r\n\r\n" + SRT),
    ("mail", ["", ".eml", ".log"], MAIL),
    ("mail", [".eml"], "To: b\nSubject: a\n\nHello"),
    ("mail", [".eml"], "Content-Type: multipart/mixed; boundary=a\n\n--a\n\nHello"),
    ("mail", ["", ".mbox", ".txt"], MBOX),
    ("html", ["", ".html", ".htm", ".php", ".xml"], PAGE),
    ("html", [""], "<!-- saved -->\n<HTML lang=en>"),
    ("html", [".html"], "<p>A part of a page</p>"),
    ("html", [".xhtml", ""], '<?xml version="1.0"?><!DOCTYPE html><html xmlns="x">'),
    ("xml", ["", ".xml", ".tei"], XML),
    ("xml", [".xml"], "<a>Hello</a>"),
    ("yaml", ["", ".yml", ".yaml"], YAML),
    ("yaml", [".yml"], "conversations:\n-\n  - Hello\n"),
]


@pytest.mark.parametrize(("kind", "suffixes", "text"), KNOWN)
def test_a_document_is_known_by_how_it_begins(kind: str, suffixes: list[str], text: str) -> None:
    assert {kind_of_text(text, suffix=suffix) for suffix in suffixes} == {kind}


PLAIN = [
    (".txt", "<p>A text with tags</p>"),
    (".txt", PAGE),
    (".md", PAGE),
    (".md", XML),
    (".txt", "From: Ann\nSubject: Tea\nMIME-Version: 1.0\n\nHello"),
    (".txt", YAML),
    (".txt", "From Monday to Friday 10:00 it rained in 2025.\nIt: rained"),
    ("", "From Ann\nwith love"),
    ("", "<p>Begins with a tag"),
    ("", "<|user|>Hello"),
    (".txt", "00:01 --> an arrow"),
    ("", "WEBVTTX"),
    ("", "Ann: Hello\nBen: Hi!\n\nAnn: Bye"),
    (".yml", "name: a config\n"),
    (".svg", "<svg><text>a</text></svg>"),
    ("", ""),
]


@pytest.mark.parametrize(("suffix", "text"), PLAIN)
def test_a_text_that_only_holds_tags_stays_a_text(suffix: str, text: str) -> None:
    assert kind_of_text(text, suffix=suffix) is None


def test_a_setting_is_stronger(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "x.txt", PAGE.encode())
    assert plain(read(path)[0]) == PAGE
    assert plain(read(path, format="html")[0]) == "Hello\n"
    path = write_bytes(tmp_path / "x.html", PAGE.encode())
    assert plain(read(path, format="text")[0]) == PAGE


def test_a_folder_brings_in_what_has_an_ending_of_a_document() -> None:
    assert set(SUFFIXES) == DOCUMENT_SUFFIXES
    assert set(SUFFIXES.values()) == set(KINDS)


BEGINS = [
    "<",
    "A: b\n",
    "From ",
    " ",
    "\n",
    "<!--",
    "<?xml ",
    "<a",
    "00:00:01,000 -->",
    "conversations:",
]


@pytest.mark.parametrize("part", BEGINS)
def test_no_beginning_takes_time_without_measure(part: str) -> None:
    for suffix in ("", ".xml", ".eml", ".yml"):
        kind_of_text(part * 30_000, suffix=suffix)
