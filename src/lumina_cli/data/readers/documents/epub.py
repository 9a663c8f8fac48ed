"""EPUB books: the text of the chapters, in the order in which the book shows them.

META-INF/container.xml names the package; its spine lists the chapters, its manifest their files.
"""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from lumina_cli.data.config import DataConfig
from lumina_cli.data.readers.documents.html import pieces_of_page
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

CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_MAX_PACKAGE_BYTES = 32 * 1024 * 1024
_MAX_CHAPTERS = 20_000
_PAGES = ("application/xhtml+xml", "text/html", "text/x-oeb1-document", "application/xml")


def documents_of_epub(
    path: Path, *, config: DataConfig, report: ReadReport
) -> Iterator[LocatedDocument]:
    """Yield the text of a book.

    Raises:
        DataError: the archive is damaged, or the book is protected.
    """
    with open_zip(path) as book:
        pieces = tell_of_replaced(_pieces(book, path=path, report=report), path=path, report=report)
        yield from documents_of_pieces(pieces, path=path, kind="epub", report=report)


def _pieces(book: ZipDocument, *, path: Path, report: ReadReport) -> Iterator[Piece]:
    package = _package(book, path=path, report=report)
    has_text = False
    for name in _chapters(package, book, path=path, report=report):
        with book.open(name) as member:
            begins = has_text
            for piece in pieces_of_page(decoded(member), path=path, report=report):
                yield Piece("\n" + piece.text if begins else piece.text)
                begins, has_text = False, True


@dataclass(frozen=True, slots=True)
class _Item:
    """A file of the book, as the manifest lists it."""

    name: str
    media_type: str
    properties: str


@dataclass(slots=True)
class _Package:
    """What the package says: the files by id, and the order of the chapters."""

    items: dict[str, _Item] = field(default_factory=dict)
    spine: list[tuple[str, bool]] = field(default_factory=list)


def _package(book: ZipDocument, *, path: Path, report: ReadReport) -> _Package:
    container = _Container(path, report)
    _parse(book, CONTAINER, container)
    if not container.package:
        raise book.damaged("it names no package of a book")
    reader = _PackageReader(path, report, folder=posixpath.dirname(container.package))
    _parse(book, container.package, reader)
    return reader.package


def _chapters(
    package: _Package, book: ZipDocument, *, path: Path, report: ReadReport
) -> Iterator[str]:
    """Yield the members that are chapters; what else the spine lists is counted."""
    protected = _protected(book, path=path, report=report)
    seen: set[str] = set()
    for id_, is_linear in package.spine[:_MAX_CHAPTERS]:
        item = package.items.get(id_)
        location = Location(path)
        if item is None or not book.has(item.name):
            report.notices.add("a chapter that the book lists is missing in it", location)
        elif item.name in protected:
            raise book.damaged("its chapters are encrypted (DRM)", hint="Use a copy without DRM.")
        elif "nav" in item.properties.split():
            report.left_out.add("the table of contents of a book", location)
        elif not is_linear:
            report.left_out.add("a page beside the chapters of a book", location)
        elif item.media_type not in _PAGES:
            report.left_out.add("a page of a book that is no text", location)
        elif item.name not in seen:
            seen.add(item.name)
            yield item.name


def _protected(book: ZipDocument, *, path: Path, report: ReadReport) -> frozenset[str]:
    """Return the members that are encrypted; fonts often are, in books that anyone can read."""
    if not book.has(_ENCRYPTION):
        return frozenset()
    reader = _Encryption(path, report)
    _parse(book, _ENCRYPTION, reader)
    return frozenset(reader.names)


def _parse(book: ZipDocument, name: str, handler: XmlHandler) -> None:
    if book.size_of(name) > _MAX_PACKAGE_BYTES:
        raise book.damaged(f"{name[:80]} in it is longer than a book's")
    with book.open(name) as member:
        text = decoded(member)
        for _ in parse_xml(text, handler, path=Path(f"{handler.path}/{name[:80]}"), hint=AGAIN):
            pass


class _Container(XmlHandler):
    """Finds the first package that the container names."""

    package = ""

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        if name == "rootfile" and not self.package:
            self.package = joined("", attributes.get("full-path", ""))


class _PackageReader(XmlHandler):
    """Collects manifest and spine."""

    def __init__(self, path: Path, report: ReadReport, *, folder: str) -> None:
        super().__init__(path, report)
        self._folder = folder
        self.package = _Package()

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        if name == "item":
            self.package.items[attributes.get("id", "")] = _Item(
                joined(self._folder, unquote(attributes.get("href", ""))),
                attributes.get("media-type", ""),
                attributes.get("properties", ""),
            )
        elif name == "itemref":
            is_linear = attributes.get("linear") != "no"
            self.package.spine.append((attributes.get("idref", ""), is_linear))


class _Encryption(XmlHandler):
    """Collects the names of encrypted members."""

    def __init__(self, path: Path, report: ReadReport) -> None:
        super().__init__(path, report)
        self.names: set[str] = set()

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        if name == "cipherreference":
            self.names.add(joined("", unquote(attributes.get("URI", ""))))
