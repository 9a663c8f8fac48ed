"""HTML as tokens: tags and the text between them, in one pass and bounded memory.

The standard library's `HTMLParser` (of Python 3.11) takes time by the square of some inputs: 24 kB
of "<a " take it five seconds, a megabyte takes hours. Here every character is looked at a bounded
number of times. As in a browser, a tag or comment that is never closed ends with the file.
"""

import html
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import IO, Literal, NamedTuple

from lumina_cli.errors import DataError

CHUNK_CHARS = 1 << 16
MAX_TAG_CHARS = 32 * 1024 * 1024
"""Pictures stand in attributes as text; longer tags are refused."""

RAW_ELEMENTS = frozenset(
    ("iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp")
)
"""Nothing inside of them is a tag, but their own end."""

_MAX_ATTRIBUTES = 1000
_MAX_REFERENCE_CHARS = 40
_NAME = re.compile(r"</?[a-zA-Z]")
_TAG = re.compile(
    r"""<(/?)([a-zA-Z][^\s/>]*+)((?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+'|(?!["'])))*+)>"""
)
_DECLARATION = re.compile(r"<![^>\[]*+[>\[]")
_ATTRIBUTE = re.compile(r"""([^\s=>"'/]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>]++)))?""")
_NO_CHARACTER = re.compile(r"&#(?:[0-9]{8,}+|[xX][0-9a-fA-F]{7,}+);?")


class MarkupToken(NamedTuple):
    """A text, unescaped; or the beginning or end of an element, its name in lower case.

    `lost` stands for the rest of a file that ends inside a tag; its text is the number of
    characters.
    """

    kind: Literal["text", "open", "close", "lost"]
    value: str
    attributes: str = ""
    line: int = 0
    is_closed: bool = False


def markup_tokens(file: IO[str], *, path: Path) -> Iterator[MarkupToken]:
    """Yield the tags of a page and the text between them; comments are dropped.

    Raises:
        DataError: a tag is longer than `MAX_TAG_CHARS`.
    """
    window = _Window(file, path=path)
    while window.has_more():
        line = window.line
        begin = window.peek(9)
        if not begin.startswith("<"):
            yield MarkupToken("text", unescape(window.take_text()), line=line)
        elif begin.upper() == "<![CDATA[":
            window.skip(9)
            for text in window.take_to("]]>"):
                yield MarkupToken("text", text, line=line)
        elif _NAME.match(begin):
            yield from _tag(window, line)
        elif begin.startswith(("<!", "<?", "</")) and len(begin) > 2:
            if not window.skip_declaration(begin):
                yield MarkupToken("lost", "", line=line)
        else:
            window.skip(1)
            yield MarkupToken("text", "<", line=line)


def _tag(window: "_Window", line: int) -> Iterator[MarkupToken]:
    tag = window.match(_TAG)
    if tag is None:
        yield MarkupToken("lost", str(window.skip_rest()), line=line)
        return
    name, attributes = tag[2].lower().rpartition(":")[2], tag[3]
    if tag[1]:
        yield MarkupToken("close", name, line=line)
        return
    is_closed = attributes.endswith("/") or tag[2].endswith("/")
    yield MarkupToken("open", name, attributes, line, is_closed)
    if name in RAW_ELEMENTS and not is_closed and not window.skip_raw(name):
        yield MarkupToken("lost", "", line=line)


def attributes_of(text: str) -> dict[str, str]:
    """Return the attributes of a tag by their names in lower case; of a thousand the first."""
    found = islice(_ATTRIBUTE.finditer(text), _MAX_ATTRIBUTES)
    return {each[1].lower(): unescape(each[2] or each[3] or each[4] or "") for each in found}


def unescape(text: str) -> str:
    """Return a text with its references, such as &eacute; or &#233;, replaced by characters."""
    if "&" not in text:
        return text
    return html.unescape(_NO_CHARACTER.sub("\ufffd", text))  # int() refuses thousands of digits


class _Window:
    """The part of the file that is looked at; what stands before `_at` is done."""

    def __init__(self, file: IO[str], *, path: Path) -> None:
        self._file = file
        self._path = path
        self._text = ""
        self._at = 0
        self.line = 1

    def has_more(self) -> bool:
        return self._at < len(self._text) or self._grow()

    def peek(self, num_chars: int) -> str:
        while len(self._text) - self._at < num_chars and self._grow():
            pass
        return self._text[self._at : self._at + num_chars]

    def skip(self, num_chars: int) -> None:
        self._take(self._at + num_chars)

    def take_text(self) -> str:
        """Take what stands before the next tag, but no half of a reference."""
        end = self._text.find("<", self._at)
        if end < 0:
            end = len(self._text)
            begin = self._text.rfind("&", max(self._at, end - _MAX_REFERENCE_CHARS))
            if begin > self._at:
                end = begin
            elif begin == self._at and self._grow():
                return self.take_text()
        return self._take(end)

    def take_to(self, marker: str) -> Iterator[str]:
        """Yield what stands before a marker, and go behind it; or all there is."""
        while (found := self._text.find(marker, self._at)) < 0:
            yield self._take(max(len(self._text) - len(marker) + 1, self._at))
            if not self._grow():
                yield self._take(len(self._text))
                return
        yield self._take(found)
        self.skip(len(marker))

    def skip_declaration(self, begin: str) -> bool:
        """Go behind a comment, an instruction, or a document type; say whether it ends."""
        if begin.startswith("<!--"):
            return self._skip_to("-->")
        if begin.upper() == "<!DOCTYPE":
            found = self.match(_DECLARATION)
            if found is None:
                self.skip_rest()
                return False
            if found[0].endswith(">"):
                return True
            self._skip_to("]")
        return self._skip_to(">")

    def skip_raw(self, name: str) -> bool:
        """Go to the end tag of an element whose content is no markup; say whether there is one."""
        pattern = _end_tag(name)
        while not (found := pattern.search(self._text, self._at)):
            self._take(max(len(self._text) - len(name) - 3, self._at))
            if not self._grow():
                self._take(len(self._text))
                return False
        self._take(found.start())
        return True

    def skip_rest(self) -> int:
        """Go to the end of the file and return how many characters were left."""
        num_chars = len(self._text) - self._at
        self._take(len(self._text))
        return num_chars

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Take what matches here, and read on as far as that needs; None if the file ends first."""
        while not (found := pattern.match(self._text, self._at)):
            if len(self._text) - self._at > MAX_TAG_CHARS:
                raise DataError(
                    f"{self._path}:{self.line} begins a tag of more than 32 million characters",
                    hint="Look for a > or a quote that is missing there.",
                )
            if not self._grow():
                return None
        self._take(found.end())
        return found

    def _skip_to(self, marker: str) -> bool:
        """Go behind a marker, or to the end of the file; say whether there is one."""
        while (found := self._text.find(marker, self._at)) < 0:
            self._take(max(len(self._text) - len(marker) + 1, self._at))
            if not self._grow():
                self._take(len(self._text))
                return False
        self._take(found + len(marker))
        return True

    def _take(self, end: int) -> str:
        text = self._text[self._at : end]
        self.line += text.count("\n")
        self._at = end
        return text

    def _grow(self) -> bool:
        """Drop what is done and read on; twice as far each time something goes on."""
        more = self._file.read(max(CHUNK_CHARS, len(self._text) - self._at))
        self._text = self._text[self._at :] + more
        self._at = 0
        return bool(more)


@lru_cache(maxsize=len(RAW_ELEMENTS))
def _end_tag(name: str) -> re.Pattern[str]:
    return re.compile(rf"</(?:\w{{1,9}}:)?{name}(?=[\s/>])", re.IGNORECASE)
