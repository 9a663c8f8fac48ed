"""XML of any kind: the text between its tags, such as a corpus, a Bible, a book.

An element that holds nothing but text is a line of its own; where elements stand inside of text,
as for emphasis, the line goes on. A blank line stands where two elements or more end together.

No entity is ever expanded by the parser: the five of XML and those of HTML are characters, short
ones that the file declares are texts, and all others are left out and counted. Nothing outside of
the file is opened.
"""

import re
from collections.abc import Iterator
from html.entities import html5
from pathlib import Path
from typing import IO
from xml.parsers import expat

from lumina_cli.data.config import DataConfig
from lumina_cli.data.readers.documents.encodings import document_encoding
from lumina_cli.data.readers.documents.pieces import Piece, documents_of_pieces
from lumina_cli.data.readers.text_files import open_text
from lumina_cli.data.report import LocatedDocument, Location, ReadReport
from lumina_cli.errors import DataError

CHUNK_CHARS = 1 << 16
MAX_TAG_CHARS = 1 << 22
"""Of one tag or comment: the parser holds it whole, and begins again with each chunk."""
MAX_DEPTH = 10_000
MAX_ENTITY_CHARS = 1000
MAX_ENTITIES = 10_000
_MAX_SPACE_CHARS = 1000
LENIENTLY = "--format html reads it all the same; --format text with all its tags."

_LEFT_OUT = {
    "cesheader": "the header of a corpus: data about the text",
    "teiheader": "the header of a corpus: data about the text",
    "header": "the header of a corpus: data about the text",
    "information": "the header of a corpus: data about the text",
    "metadata": "the header of a corpus: data about the text",
    "description": "the header of a corpus: data about the text",
    "note": "a note",
    "binary": "a picture",
    "script": "a script",
    "style": "a style sheet",
}
_HEADER_DEPTHS = {"header": 2, "information": 1, "metadata": 1, "description": 1}
"""Names that mean data about the text only near the root, and how deep."""

_ENTITY = re.compile(r"&([^;&]{1,100});")
_BLANKS = " \t\r\n"
"""White space as XML means it: other spaces are characters of the text."""
_SPACE = re.compile(r"[ \t\r\n]+")
_BLANK_LINE = re.compile(r"\n[ \t\r]*+\n[ \t\r\n]*+")
_PROSE = re.compile(r"\S+\s+\S+\s+\S")
_MAX_TOLD_ATTRIBUTES = 24


def documents_of_xml(
    path: Path, *, config: DataConfig, report: ReadReport
) -> Iterator[LocatedDocument]:
    """Yield the text of an XML file.

    Raises:
        DataError: it is not well-formed, or made to fill the memory.
    """
    encoding = document_encoding(path, config=config)
    with open_text(path, encoding=encoding) as file:
        pieces = pieces_of_xml(file, path=path, report=report)
        yield from documents_of_pieces(pieces, path=path, kind="xml", report=report)


def pieces_of_xml(file: IO[str], *, path: Path, report: ReadReport) -> Iterator[Piece]:
    """Yield the text of an XML file as it comes."""
    text = _XmlText(path, report)
    yield from parse_xml(file, text, path=path)
    if text.ends_line:
        yield Piece("\n")


class XmlHandler:
    """Takes what an XML parser finds; `pieces` are the texts since they were last taken.

    To be subclassed: `begin`, `end`, `text`.
    """

    def __init__(self, path: Path, report: ReadReport) -> None:
        self.path = path
        self.report = report
        self.line = 1
        self.pieces: list[Piece] = []

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        """Take the beginning of an element."""

    def end(self, name: str) -> None:
        """Take the end of an element."""

    def text(self, text: str) -> None:
        """Take a part of a text."""


def parse_xml(
    file: IO[str], handler: XmlHandler, *, path: Path, hint: str = LENIENTLY
) -> Iterator[Piece]:
    """Yield the pieces that a handler makes of an XML text.

    Args:
        file: the text.
        handler: takes what is found.
        path: its name.
        hint: what to do where it can't be read.

    Raises:
        DataError: it is not well-formed, or made to fill the memory.
    """
    parser = _Parser(handler, path, hint)
    while chunk := file.read(CHUNK_CHARS):
        parser.feed(chunk)
        yield from handler.pieces
        handler.pieces = []
    parser.finish()
    yield from handler.pieces
    handler.pieces = []


class _Parser:
    """Expat, with limits to what it holds and with entities of our own."""

    def __init__(self, handler: XmlHandler, path: Path, hint: str) -> None:
        self._handler = handler
        self._path = path
        self._hint = hint
        self._depth = 0
        self._waiting = 0
        self._entities: dict[str, str] = {}
        self._expat = parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.UseForeignDTD(True)  # an entity that nobody declares is no error
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.DefaultHandler = self._other  # this one keeps entities from being expanded
        parser.EntityDeclHandler = self._declare

    def feed(self, chunk: str) -> None:
        self._waiting += len(chunk)
        self._parse(chunk, is_final=False)
        if self._waiting > MAX_TAG_CHARS:
            raise self._refused("a tag or comment in it is longer than 4 million characters")

    def finish(self) -> None:
        self._parse("", is_final=True)

    def _parse(self, chunk: str, *, is_final: bool) -> None:
        try:
            self._expat.Parse(chunk, is_final)
        except expat.ExpatError as error:
            what = expat.ErrorString(error.code)
            raise DataError(
                f"{self._path}:{error.lineno} is not well-formed XML: {what}",
                hint=self._hint,
            ) from error

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._refused("its elements lie more than ten thousand deep in one another")
        self._seen()
        self._handler.begin(name.lower().rpartition(":")[2], attributes)

    def _end(self, name: str) -> None:
        self._depth -= 1
        self._seen()
        self._handler.end(name.lower().rpartition(":")[2])

    def _text(self, text: str) -> None:
        self._seen()
        self._handler.text(text)

    def _other(self, data: str) -> None:
        self._seen()
        if self._depth and (entity := _ENTITY.fullmatch(data)):
            text = self._entities.get(entity[1]) or html5.get(f"{entity[1]};")
            if text is None:
                wording = "an entity whose text is not in the file, or is too long"
                location = Location(self._path, self._handler.line)
                self._handler.report.left_out.add(wording, location, example=data)
            self._handler.text(text or "")

    def _declare(self, name: str, *declared: str | int | None) -> None:
        is_parameter, value, *_ = declared
        self._seen()
        if len(self._entities) >= MAX_ENTITIES:
            raise self._refused("it declares more than ten thousand entities")
        if not isinstance(value, str):
            return  # its text is another file, which is never opened
        if len(value) > MAX_ENTITY_CHARS or "&" in value or "%" in value:
            raise self._refused("it declares an entity that grows when it is read")
        if not is_parameter and "<" not in value:
            self._entities[name] = value

    def _seen(self) -> None:
        self._waiting = 0
        self._handler.line = self._expat.CurrentLineNumber

    def _refused(self, why: str) -> DataError:
        return DataError(
            f"{self._path}:{self._expat.CurrentLineNumber} can't be read: {why}",
            hint=self._hint,
        )


class _XmlText(XmlHandler):
    """Makes lines of the texts between tags."""

    def __init__(self, path: Path, report: ReadReport) -> None:
        super().__init__(path, report)
        self.ends_line = False
        self._with_text: list[bool] = []
        self._preserve: list[bool] = []
        self._left_out_at: int | None = None
        self._lowest = 0
        self._space = ""
        self._num_ended = 0
        self._told: set[str] = set()
        self._root = ""

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        reason = _LEFT_OUT.get(name)
        depth = len(self._with_text)
        self._root = self._root or name
        near_root = depth <= _HEADER_DEPTHS.get(name, depth)
        if name == "description":
            near_root = near_root and self._root == "fictionbook"
        if self._left_out_at is None and reason and near_root and depth:
            self._left_out_at = depth
            self.report.left_out.add(reason, Location(self.path, self.line))
        space = attributes.get("xml:space") if attributes else None
        inherited = bool(self._preserve) and self._preserve[-1]
        self._with_text.append(False)
        self._preserve.append(space == "preserve" if space else inherited)
        if attributes and self._left_out_at is None:
            self._tell_of_attributes(attributes)

    def end(self, name: str) -> None:
        self._with_text.pop()
        self._preserve.pop()
        depth = len(self._with_text)
        if self._left_out_at is not None:
            if depth <= self._left_out_at:
                self._left_out_at = None
            return
        self._lowest = min(self._lowest, depth)
        self._num_ended += 1

    def text(self, text: str) -> None:
        if self._left_out_at is not None or not self._with_text:
            return
        body = text.strip("\n") if self._preserve[-1] else text.strip(_BLANKS)
        if not body.strip(_BLANKS):
            self._space += text[: _MAX_SPACE_CHARS - len(self._space)]
            return
        begin = text.index(body)
        gap = self._gap(self._space + text[:begin]) if self.ends_line else ""
        self.pieces.append(
            Piece(gap + (body if self._preserve[-1] else _one_line(body)), self.line)
        )
        self.ends_line = True
        self._space = text[begin + len(body) :]
        self._with_text[-1] = True
        self._lowest, self._num_ended = len(self._with_text), 0

    def _gap(self, space: str) -> str:
        """Return what stands between the text before and the one that begins here."""
        at = len(self._with_text)
        if self._lowest == at and not self._num_ended:  # the same element goes on
            return _gap_inside(space, preserve=self._preserve[-1])
        lowest = min(self._lowest, at)
        goes_on = lowest == at or bool(space)  # behind an element inside, or on the same line
        if self._with_text[lowest - 1] or (goes_on and "\n" not in space):
            return " " if space else ""
        return "\n\n" if self._num_ended > 1 else "\n"

    def _tell_of_attributes(self, attributes: dict[str, str]) -> None:
        """Report text that stands in an attribute, where it is not looked for."""
        for name, value in attributes.items():
            is_told = name in self._told or len(self._told) < _MAX_TOLD_ATTRIBUTES
            if is_told and _PROSE.match(value, 0, 1000):
                self._told.add(name)
                wording = f"there is text in the attribute {name[:40]!r}, which is not read"
                self.report.notices.add(wording, Location(self.path, self.line), example=value[:40])


def _gap_inside(space: str, *, preserve: bool) -> str:
    if preserve:
        return space
    return "\n\n" if space.count("\n") > 1 else " " if space else ""


def _one_line(text: str) -> str:
    """Return a text whose lines were broken for looks only as one; blank lines stay."""
    if "\n" not in text:
        return _SPACE.sub(" ", text)
    parts = _BLANK_LINE.split(text)
    return "\n\n".join(_SPACE.sub(" ", part) for part in parts)
