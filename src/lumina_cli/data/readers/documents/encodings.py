"""The encoding in which a document says that it is written: its mark, or its own declaration."""

import codecs
import io
import re
from pathlib import Path

from lumina_cli.data.config import DataConfig
from lumina_cli.data.readers.text_files import open_unpacked

HEAD_BYTES = 1 << 16
_DECLARED = re.compile(
    rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})|"""
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{1,40})""",
    re.IGNORECASE,
)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_CHARSETS = frozenset(("idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"))
"""Codecs of Python that are no character sets of texts, or take time without bound."""


def document_encoding(path: Path, *, config: DataConfig) -> str:
    """Return the encoding to read a page or an XML file in.

    A setting is stronger than what the file declares; UTF-8 is what it is taken for otherwise.
    """
    if config.encoding.lower().replace("_", "-") not in ("utf-8", "utf8"):
        return config.encoding
    with open_unpacked(path) as file:
        return declared_encoding(file.read(HEAD_BYTES))


def marked_encoding(path: Path, *, config: DataConfig) -> str:
    """Return the encoding that a mark at the beginning of a file tells, or that of the settings."""
    if config.encoding.lower().replace("_", "-") not in ("utf-8", "utf8"):
        return config.encoding
    with open_unpacked(path) as file:
        return _marked(file.read(4)) or config.encoding


def declared_encoding(head: bytes) -> str:
    """Return the encoding that the beginning of a document declares."""
    if name := _marked(head):
        return name
    found = _DECLARED.search(head, 0, 4096)
    if not found or _is_utf8(head):  # pages that were converted often go on declaring the old one
        return "utf-8"
    name = known_charset((found[1] or found[2]).decode("ascii"))
    return name if name and not name.startswith("utf-16") else "utf-8"


def _marked(head: bytes) -> str:
    return next((name for bom, name in _BOMS if head.startswith(bom)), "")


def known_charset(name: str) -> str:
    """Return Python's name of a character set, or nothing; Latin-1 stands for cp1252 on the web."""
    try:
        found = codecs.lookup(name.strip()).name
        io.TextIOWrapper(io.BytesIO(), encoding=found)
    except (LookupError, ValueError):
        return ""
    if found.replace("-", "_") in _NO_CHARSETS:
        return ""
    return "cp1252" if found in ("iso8859-1", "ascii") else found


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # it may end inside a character
    except UnicodeDecodeError:
        return False
    return not head.isascii()
