"""HTML pages: the text a person reads, without what makes the page work.

Paragraphs and headings stand between blank lines, other blocks on lines of their own, the cells of
a row between tabs. Left out and counted are scripts, styles, menus, forms, pictures, what is
hidden, and what stands beside the text (`footer` and `aside`, unless inside an article).
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from lumina_cli.data.config import DataConfig
from lumina_cli.data.readers.documents.encodings import document_encoding
from lumina_cli.data.readers.documents.markup import MarkupToken, attributes_of, markup_tokens
from lumina_cli.data.readers.documents.pieces import Piece, documents_of_pieces
from lumina_cli.data.readers.text_files import open_text
from lumina_cli.data.report import LocatedDocument, Location, ReadReport

_LEFT_OUT = {
    "script": "a script",
    "style": "a style sheet",
    "template": "a template that scripts use",
    "noscript": "a text for programs without scripts",
    "head": "the head of a page: its title and data about it",
    "title": "a title of a page or drawing",
    "nav": "a menu",
    "aside": "what stands beside the text (aside)",
    "footer": "a footer",
    "dialog": "a dialog of the page",
    "button": "a part of a form",
    "select": "a part of a form",
    "textarea": "a part of a form",
    "datalist": "a part of a form",
    "svg": "a drawing",
    "canvas": "a drawing",
    "audio": "a recording or film",
    "video": "a recording or film",
    "object": "something embedded",
    "iframe": "something embedded",
    "xmp": "something embedded",
    "noframes": "something embedded",
    "noembed": "something embedded",
    "rp": "brackets around a pronunciation",
    "rt": "a pronunciation (ruby)",
}
_QUOTES = frozenset(("gmail_quote", "protonmail_quote", "yahoo_quoted", "tutanota_quote"))
"""Classes of the elements in which programs for mail quote the message that is answered."""
_BESIDE = frozenset(("aside", "footer"))
_HIDDEN = "what the page hides"
_MARK = "a mark of a note or page in a book"
_PICTURE = "a picture"
_LOST = "the rest of a file that ends inside a tag"


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PARAGRAPHS = _names(
    """
    address blockquote figure h1 h2 h3 h4 h5 h6 hr p pre table dl fieldset
    """
)
_LINES = _names(
    """
    article body caption center dd details div dt figcaption footer form header
    hgroup html li main nav ol section summary tbody tfoot thead tr ul
    """
)
_NOT_TRACKED = _names(
    """
    area base br col embed hr img input link meta param source track wbr p li dt dd
    tr td th thead tbody tfoot option rp rt
    """
)
"""Elements that have no end, or whose end tag is often not written."""

_MAX_DEPTH = 10_000
_SPACE = re.compile(r"[ \t\n\r\f]+")
_STRENGTH = {gap: index for index, gap in enumerate(("", " ", "\t", "\n", "\n\n"))}


def documents_of_html(
    path: Path, *, config: DataConfig, report: ReadReport
) -> Iterator[LocatedDocument]:
    """Yield the text of a page.

    Raises:
        DataError: it is not text in the encoding that it or `config` names.
    """
    encoding = document_encoding(path, config=config)
    with open_text(path, encoding=encoding) as file:
        pieces = pieces_of_page(file, path=path, report=report)
        yield from documents_of_pieces(pieces, path=path, kind="html", report=report)


def pieces_of_page(
    file: IO[str], *, path: Path, report: ReadReport, is_mail: bool = False
) -> Iterator[Piece]:
    """Yield the text of a page as it comes.

    Args:
        file: the page.
        path: where it lies.
        report: what is left out is counted here.
        is_mail: whether it is a message: one that it quotes becomes a line with `>` alone.
    """
    page = _Page(path, report, is_mail=is_mail)
    for token in markup_tokens(file, path=path):
        if text := page.push(token):
            yield Piece(text, token.line)
    if page.ends_line:
        yield Piece("\n")


def _is_quote(token: MarkupToken) -> bool:
    """Say whether an element of a message quotes another message."""
    if token.value not in ("blockquote", "div"):
        return False
    attributes = attributes_of(token.attributes)
    classes = set(attributes.get("class", "").split())
    if token.value == "div":
        return "yahoo_quoted" in classes
    return attributes.get("type", "").lower() == "cite" or bool(_QUOTES & classes)


class _Page:
    """What is known of a page so far: which elements are open, and what must precede a text."""

    def __init__(self, path: Path, report: ReadReport, *, is_mail: bool) -> None:
        self._path = path
        self._report = report
        self._is_mail = is_mail
        self._open: list[str] = []
        self._num_open: Counter[str] = Counter()
        self._left_out_at: int | None = None
        self._raw = ""
        self._gap = ""
        self.ends_line = False

    def push(self, token: MarkupToken) -> str:
        """Take a token; return the text that it adds."""
        if token.kind == "text":
            return self._text(token.value)
        if token.kind == "open":
            return self._begin(token)
        if token.kind == "close":
            self._end(token.value)
        else:
            self._leave_out(_LOST, token)
        return ""

    def _begin(self, token: MarkupToken) -> str:
        """Take the beginning of an element; return the text that stands for it."""
        name = token.value
        self._break(name)
        if name == "img" and self._left_out_at is None:
            self._leave_out(_PICTURE, token)
        if name in ("rt", "rp") and self._left_out_at is None:
            self._raw = name
            self._leave_out(_LEFT_OUT[name], token)
        if name in _NOT_TRACKED or token.is_closed or len(self._open) >= _MAX_DEPTH:
            return ""
        text = ""
        if self._is_mail and self._left_out_at is None and _is_quote(token):
            text, self._gap = self._text(">"), "\n\n"
            self._left_out_at = len(self._open)
        if self._left_out_at is None and (reason := self._reason_to_leave_out(token)):
            self._left_out_at = len(self._open)
            self._leave_out(reason, token)
        self._open.append(name)
        self._num_open[name] += 1
        return text

    def _reason_to_leave_out(self, token: MarkupToken) -> str | None:
        name = token.value
        in_article = self._num_open["article"] or self._num_open["main"]
        if name in _LEFT_OUT and not (name in _BESIDE and in_article):
            return _LEFT_OUT[name]
        if not any(sign in token.attributes for sign in ("hidden", "display", "role", "epub:")):
            return None
        attributes = attributes_of(token.attributes)
        if {"noteref", "pagebreak"} & set(attributes.get("epub:type", "").split()):
            return _MARK
        if attributes.get("role") == "navigation":
            return _LEFT_OUT["nav"]
        style = attributes.get("style", "").replace(" ", "").lower()
        is_hidden = "hidden" in attributes or attributes.get("aria-hidden") == "true"
        return _HIDDEN if is_hidden or "display:none" in style else None

    def _end(self, name: str) -> None:
        self._break(name)
        if self._raw and name in (self._raw, "ruby"):
            self._raw = ""
        if not self._num_open[name]:
            return
        while True:
            ended = self._open.pop()
            self._num_open[ended] -= 1
            if ended == name:
                break
        if self._left_out_at is not None and len(self._open) <= self._left_out_at:
            self._left_out_at = None

    def _break(self, name: str) -> None:
        """Note what must stand before the next text."""
        if self._left_out_at is not None:
            return
        if name in _PARAGRAPHS or name in _LINES:
            self._raw = ""
        if name == "br":
            self._gap = "\n\n" if self._gap.startswith("\n") else "\n"
        elif name in _PARAGRAPHS:
            in_list = self._num_open["ul"] or self._num_open["ol"]
            self._widen("\n" if in_list else "\n\n")
        elif name in _LINES:
            self._widen("\n")
        elif name in ("td", "th"):
            self._widen("\t")

    def _widen(self, gap: str) -> None:
        if _STRENGTH[gap] > _STRENGTH[self._gap]:
            self._gap = gap

    def _text(self, text: str) -> str:
        if self._left_out_at is not None or self._raw:
            return ""
        if self._num_open["pre"]:
            return self._preformatted(text)
        text = _SPACE.sub(" ", text)
        if text.startswith(" "):
            self._widen(" ")
        words = text.strip(" ")
        if not words:
            return ""
        gap = self._gap if self.ends_line else ""
        self._gap = " " if text.endswith(" ") else ""
        self.ends_line = True
        return gap + words

    def _preformatted(self, text: str) -> str:
        """Return a text line by line as it stands; line ends at its end wait for what follows."""
        if self._gap.startswith("\n"):
            text = text.removeprefix("\n")
        body = text.rstrip("\n")
        if not body:
            self._widen("\n\n"[: len(text)])
            return ""
        gap = self._gap if self.ends_line else ""
        self._gap = "\n\n"[: len(text) - len(body)]
        self.ends_line = True
        return gap + body

    def _leave_out(self, wording: str, token: MarkupToken) -> None:
        self._report.left_out.add(wording, Location(self._path, token.line))
