"""Which kind of document a file is: by how it begins, and by its ending where that does not tell.

A text that only holds tags stays a text: of a .txt or .md only what can be nothing else, subtitles
and mailboxes, is taken for a document.
"""

import re
from pathlib import Path
from typing import Literal, get_args

from lumina_cli.data.config import DataConfig
from lumina_cli.data.readers.documents.encodings import HEAD_BYTES, declared_encoding
from lumina_cli.data.readers.documents.epub import CONTAINER
from lumina_cli.data.readers.documents.mail.separator import SEPARATOR
from lumina_cli.data.readers.documents.zip_archive import MAGIC, open_zip
from lumina_cli.data.readers.files import data_suffix
from lumina_cli.data.readers.text_files import open_unpacked
from lumina_cli.errors import DataError

DocumentKind = Literal["subtitles", "mail", "html", "xml", "epub", "docx", "yaml"]
KINDS: tuple[DocumentKind, ...] = get_args(DocumentKind)

SUFFIXES: dict[str, DocumentKind] = {
    **dict.fromkeys((".srt", ".vtt"), "subtitles"),
    **dict.fromkeys((".eml", ".mbox"), "mail"),
    **dict.fromkeys((".html", ".htm", ".xhtml"), "html"),
    ".xml": "xml",
    ".epub": "epub",
    ".docx": "docx",
    **dict.fromkeys((".yml", ".yaml"), "yaml"),
}
_PLAIN_TEXT = (".txt", ".text", ".md")
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"

_TIME = r"(?:\d{1,6}:)?\d{1,2}:\d{1,2}[,.]\d{1,3}"
_SRT = re.compile(rf"(?:\d{{1,9}}[ \t]*+\n[ \t]*+)?{_TIME}[ \t]*+-->[ \t]*+{_TIME}")
_VTT = re.compile(r"WEBVTT(?:[ \t\n]|\Z)")
_MBOX = re.compile(rf"{SEPARATOR}[^\n]{{0,60}}\n>?[A-Za-z][\w-]{{0,60}}:")
_FIELD = r"(?:(?:[A-Za-z][\w-]{1,60}):[^\n]{0,2000}\n(?:[ \t][^\n]{0,2000}\n){0,200})"
_HEADER = re.compile(_FIELD + "{2}")
_MAIL_NAMES = re.compile(
    r"^(?:Received|Return-Path|Message-ID|MIME-Version|Delivered-To|Content-Type):",
    re.IGNORECASE | re.MULTILINE,
)
_FROM = re.compile(r"^(?:From|Sender|To|Date|Subject):", re.IGNORECASE | re.MULTILINE)
_XML = re.compile(r"<\?xml[\s>]", re.IGNORECASE)
_HTML = re.compile(r"(?:<!--.{0,4000}?-->\s*+)?<(?:!DOCTYPE\s+html|html)[\s>]", re.I | re.S)
_ROOT = re.compile(r"<(?:[\w.-]{1,40}:)?([A-Za-z][\w.-]{0,60})[\s/>]")
_TAG = re.compile(r"<[A-Za-z!?/]")
_DIALOGUES = re.compile(r"""^["']?conversations["']?:""", re.MULTILINE)


def document_kind(path: Path, *, config: DataConfig) -> DocumentKind | None:
    """Return the kind of a document, the one that the settings name, or None for other files.

    Raises:
        DataError: it is an archive of which the directory can't be read.
    """
    if config.format in KINDS:
        return config.format
    if config.format != "auto":
        return None
    with open_unpacked(path) as file:
        head = file.read(HEAD_BYTES)
    suffix = data_suffix(path)
    if head.startswith(MAGIC):
        return _kind_of_archive(path, suffix=suffix)
    if head.startswith(_OLD_OFFICE) and suffix in SUFFIXES:
        raise DataError(
            f"{path} is an old Office document, or one with a password",
            hint="Save it as .docx without a password, or as plain text.",
        )
    if config.encoding.lower().replace("_", "-") not in ("utf-8", "utf8"):
        return kind_of_text(head.decode(config.encoding, "replace"), suffix=suffix)
    return kind_of_text(head.decode(declared_encoding(head), "replace"), suffix=suffix)


def kind_of_text(head: str, *, suffix: str) -> DocumentKind | None:
    """Return the kind of a document by the beginning of its text and the ending of its name."""
    head = head.lstrip("\ufeff \t\r\n").replace("\r\n", "\n").replace("\r", "\n")
    if _VTT.match(head) or _SRT.match(head):
        return "subtitles"
    if _MBOX.match(head):
        return "mail"
    if suffix in _PLAIN_TEXT:
        return None
    named = SUFFIXES.get(suffix)
    if _XML.match(head) or (named == "xml" and _TAG.match(head)):
        root = _ROOT.search(head)
        return "html" if root and root[1].lower() == "html" else "xml"
    if _HTML.match(head):
        return "html"
    if named == "html" or (named == "subtitles" and "-->" in head):
        return named
    if _is_mail(head, named=named == "mail"):
        return "mail"
    if _DIALOGUES.search(head) and (named == "yaml" or "\n- - " in head):
        return "yaml"
    return None


def _is_mail(head: str, *, named: bool) -> bool:
    """Say whether a text begins with the header of a message."""
    header = head.partition("\n\n")[0]
    from_mail, from_somebody = _MAIL_NAMES.search(header), _FROM.search(header)
    if named:
        return re.match(_FIELD, head) is not None and bool(from_mail or from_somebody)
    return _HEADER.match(head) is not None and bool(from_mail and from_somebody)


def _kind_of_archive(path: Path, *, suffix: str) -> DocumentKind | None:
    named = SUFFIXES.get(suffix)
    try:
        with open_zip(path) as archive:
            if archive.has(CONTAINER):
                return "epub"
            is_office = archive.has("[Content_Types].xml")
            if is_office and any(name.startswith("word/") for name in archive.names):
                return "docx"
    except DataError:
        if named in ("epub", "docx"):
            raise
    return named if named in ("epub", "docx") else None
