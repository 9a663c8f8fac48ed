"""In what encoding a document says that it is written."""

import pytest

from lumina_cli.data.readers.documents.encodings import declared_encoding, known_charset

HEADS = {
    b"<p>caf\xe9</p>": "utf-8",
    b'<?xml version="1.0" encoding="koi8-r"?>': "koi8-r",
    b"<?xml version='1.0' encoding='ISO-8859-1'?>": "cp1252",
    b"<meta charset=shift_jis>": "shift_jis",
    b'<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">': "cp1251",
    b'<meta charset="windows-1251">\xd0\xbc\xd0\xb8\xd1\x80': "utf-8",
    b'<meta charset="utf-16">a': "utf-8",
    b'<meta charset="rot13">a': "utf-8",
    b"\xff\xfe<\0": "utf-16",
    b"\xef\xbb\xbf<meta charset=koi8-r>": "utf-8",
}


@pytest.mark.parametrize("head", HEADS)
def test_a_mark_or_a_declaration_tells(head: bytes) -> None:
    assert declared_encoding(head) == HEADS[head]


@pytest.mark.parametrize(
    "name", ["", "nonsense", "hex", "idna", "punycode", "unicode_escape", "a\0b"]
)
def test_what_is_no_character_set_has_no_name(name: str) -> None:
    assert known_charset(name) == ""
