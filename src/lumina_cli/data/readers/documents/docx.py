"""DOCX: the text of a Word document, a line a paragraph, the cells of a row between tabs.

Read is the main text as it stands with all changes accepted. Left out and counted are deleted and
hidden text, notes, comments, headers and footers, formulas and pictures.
"""

from collections.abc import Iterator
from pathlib import Path

from lumina_cli.data.config import DataConfig
from lumina_cli.data.readers.documents.pieces import (
    Piece,
    documents_of_pieces,
    tell_of_replaced,
)
from lumina_cli.data.readers.documents.xml_text import XmlHandler, parse_xml
from lumina_cli.data.readers.documents.zip_archive import (
    AGAIN,
    ZipDocument,
    decoded,
    joined,
    open_zip,
)
from lumina_cli.data.report import LocatedDocument, Location, ReadReport

RELATIONS = "_rels/.rels"
MAIN = "word/document.xml"
_MAX_RELATIONS_BYTES = 1 << 20
_PARTS = {
    "word/header": "a header of the pages",
    "word/footer": "a footer of the pages",
    "word/comments.": "the comments of a document",
}
_DELETED = "text that was deleted, but is kept as a change"
_LEFT_OUT = {
    "del": _DELETED,
    "movefrom": _DELETED,
    "fallback": "",  # the same once more, for old programs
    "instrtext": "",  # the command of a field: what the field shows is text
    "drawing": "a picture",
    "pict": "a picture",
    "object": "something embedded",
    "omath": "a formula",
    "rt": "a pronunciation (ruby)",
    "sym": "a symbol of a font",
    "footnotereference": "a note",
    "endnotereference": "a note",
}
_PICTURES = frozenset(("drawing", "pict", "object"))
_CHARACTERS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "nobreakhyphen": "\u2011"}


def documents_of_docx(
    path: Path, *, config: DataConfig, report: ReadReport
) -> Iterator[LocatedDocument]:
    """Yield the text of a document.

    Raises:
        DataError: the archive is damaged.
    """
    with open_zip(path) as document:
        pieces = tell_of_replaced(
            _pieces(document, path=path, report=report), path=path, report=report
        )
        yield from documents_of_pieces(pieces, path=path, kind="docx", report=report)


def _pieces(document: ZipDocument, *, path: Path, report: ReadReport) -> Iterator[Piece]:
    main = _main_part(document, path=path, report=report)
    for name in document.names:
        reason = next((why for begin, why in _PARTS.items() if name.startswith(begin)), None)
        if reason:
            report.left_out.add(reason, Location(path))
    body = _Body(path, report)
    yield from _parse(document, main, body)
    if body.has_text:
        yield Piece("\n")


def _main_part(document: ZipDocument, *, path: Path, report: ReadReport) -> str:
    """Return the name of the part that holds the text."""
    if not document.has(RELATIONS) or document.size_of(RELATIONS) > _MAX_RELATIONS_BYTES:
        return MAIN
    relations = _Relations(path, report)
    for _ in _parse(document, RELATIONS, relations):
        pass
    return relations.main or MAIN


def _parse(document: ZipDocument, name: str, handler: XmlHandler) -> Iterator[Piece]:
    with document.open(name) as member:
        path = Path(f"{handler.path}/{name[:80]}")
        yield from parse_xml(decoded(member), handler, path=path, hint=AGAIN)


class _Relations(XmlHandler):
    """Finds the main part."""

    main = ""

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        if attributes.get("Type", "").endswith("/officeDocument"):
            self.main = joined("", attributes.get("Target", ""))


class _Body(XmlHandler):
    """Makes lines of paragraphs."""

    def __init__(self, path: Path, report: ReadReport) -> None:
        super().__init__(path, report)
        self.has_text = False
        self._depth = 0
        self._left_out: tuple[str, int] | None = None
        self._is_text = False
        self._is_hidden = False
        self._num_tables = 0
        self._num_cells = 0
        self._gap = ""

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if name == "txbxcontent" and self._left_out and self._left_out[0] in _PICTURES:
            self._left_out = None  # a box with text, drawn beside the text
            self._end_line()
        elif self._left_out:
            return
        elif name in _LEFT_OUT:
            self._left_out = name, self._depth
            self._count(_LEFT_OUT[name])
        elif name in _CHARACTERS:
            self._character(name, attributes)
        else:
            self._begin(name, attributes)

    def end(self, name: str) -> None:
        self._depth -= 1
        if self._left_out:
            if self._depth < self._left_out[1]:
                self._left_out = None
        elif name == "t":
            self._is_text = False
        elif name in ("p", "tr", "txbxcontent"):
            if self._num_tables and name == "p":
                self._gap = self._gap or " "
            else:
                self._end_line()
        elif name == "tbl":
            self._num_tables -= 1

    def text(self, text: str) -> None:
        if self._is_text and not self._left_out and not self._is_hidden:
            self._put(text)

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        if name == "t":
            self._is_text = True
        elif name == "r":
            self._is_hidden = False
        elif name == "vanish" and _attribute(attributes, "val") not in ("0", "false"):
            self._is_hidden = True
            self._count("hidden text")
        elif name == "tbl":
            self._num_tables += 1
        elif name == "tr":
            self._num_cells = 0
        elif name == "tc":
            self._gap = self._gap.removesuffix(" ") + ("\t" if self._num_cells else "")
            self._num_cells += 1

    def _character(self, name: str, attributes: dict[str, str]) -> None:
        if name == "tab" and _attribute(attributes, "val"):
            return  # a stop on the ruler
        if _attribute(attributes, "type") in ("page", "column"):
            self._end_line()
        elif not self._is_hidden:
            self._put(_CHARACTERS[name])

    def _put(self, text: str) -> None:
        gap = self._gap if self.has_text else ""
        self.pieces.append(Piece(gap + text))
        self.has_text, self._gap = True, ""

    def _end_line(self) -> None:
        self._gap = (self._gap.rstrip(" \t") + "\n")[:2]

    def _count(self, wording: str) -> None:
        if wording:
            self.report.left_out.add(wording, Location(self.path))


def _attribute(attributes: dict[str, str], name: str) -> str:
    """Return the value of an attribute, whatever the prefix of its name."""
    return next((each for key, each in attributes.items() if key.endswith(f":{name}")), "")
