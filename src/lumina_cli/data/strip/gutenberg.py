"""The licence that Project Gutenberg puts before and behind its books.

    The Project Gutenberg EBook of …          a header, of any wording
    *** START OF THIS PROJECT GUTENBERG …     it ends with this line (or that of the "small print")
    the book
    *** END OF THIS PROJECT GUTENBERG …       the licence begins with this line, and ends with the
    … to hear about new eBooks.               text, with the next header, or with its last sentence

Nothing is cut but between such lines. Of a long text, memory holds a chunk and what is undecided.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

MAX_LICENCE_CHARS = 1 << 16
"""A header has 1,000 to 15,000 characters, a licence 19,000."""
_NEAR_CHARS = 400

_OPTIONS = re.IGNORECASE | re.MULTILINE
_START = re.compile(
    r"^\*{2,}[ \t]*(?:START|BEGINN?|BEGINNING|ANFANG|D[EÉ]BUT|INICIO|COMIENZO"
    r"|INIZIO|IN[IÍ]CIO|ALKU)\b[^\n]{0,80}GUTENBERG(?:[^*\n]*+(?:\n[^*\n]++){0,2}+\*{2,}[^\n]*|[^\n]*)\n?"
    r"|^\*END\W{0,3}THE SMALL PRINT[^\n]*\n?",
    _OPTIONS,
)
_ENDS = "END|ENDE|FIN|FINE|FIM|EINDE|LOPPU|SLUT|KONIEC"
_END = re.compile(rf"^\*{{2,}}[ \t]*(?:{_ENDS})\b[^\n]{{0,80}}GUTENBERG[^\n]*\n?", _OPTIONS)
_PLAIN_END = re.compile(rf"^[ \t]*(?:{_ENDS})\b[^\n]{{0,40}}GUTENBERG[^\n]*\n?", _OPTIONS)
"""Is only believed where nothing else of the book follows."""
_ANY_END = re.compile(f"{_END.pattern}|{_PLAIN_END.pattern}", _OPTIONS)
_NAMED = re.compile(r"^[^\w\n]*(?:[^\W\d_]{1,12} ){0,3}Proje[ck]?t[ \t]+Gutenberg", _OPTIONS)
_LAST_SENTENCE = re.compile(r"newsletter\s+to\s+hear\s+about\s+new\s+eBooks\.[^\n]*\n?", _OPTIONS)


def may_hold_licence(text: str) -> bool:
    """Say whether a text names Project Gutenberg or its small print; most do not."""
    return "utenberg" in text or "UTENBERG" in text or "THE SMALL PRINT" in text


class Piece(NamedTuple):
    """A part of a text, or of a licence, as it follows in the file."""

    text: str
    is_licence: bool


class _Step(NamedTuple):
    """How many of the next characters are decided, as what, and what comes after them."""

    num_chars: int
    is_licence: bool
    then: Literal["header", "book", "end"]


class LicenceFinder:
    """Tells a book from the licence around it, as the chunks of one text come.

    Args:
        place: where in a book the next chunk is.
        held: what was pushed before, and is not decided.
    """

    def __init__(self, place: Literal["header", "book", "end"] = "header", held: str = "") -> None:
        self._place = place
        self._held = held

    @property
    def state(self) -> tuple[str, str]:
        """What a new one is given to go on here."""
        return self._place, self._held

    def push(self, chunk: str, *, is_last: bool) -> Iterator[Piece]:
        """Yield all that is decided; with the last chunk, all there is."""
        text, self._held = self._held + chunk, ""
        at = {"header": _at_header, "book": _in_book, "end": _at_end}
        while text:
            step = at[self._place](text, is_last=is_last)
            if step is None:
                self._held = text
                return
            if step.num_chars:
                yield Piece(text[: step.num_chars], step.is_licence)
            text, self._place = text[step.num_chars :], step.then


def _at_header(text: str, *, is_last: bool) -> _Step | None:
    """Look for the line that ends a header."""
    window = text[:MAX_LICENCE_CHARS]
    start = _START.search(window)
    if start is None:
        return _Step(0, False, "book") if is_last or len(text) >= MAX_LICENCE_CHARS else None
    named = _NAMED.search(window, 0, start.start())
    begin = named.start() if named else start.start()
    if text[:begin].strip():
        return _Step(begin, False, "header")
    return _Step(start.end(), True, "book")


def _in_book(text: str, *, is_last: bool) -> _Step | None:
    end = _ANY_END.search(text) if may_hold_licence(text) else None
    if end is None:
        return _Step(len(text), False, "book")
    return _Step(end.start(), False, "end")


def _at_end(text: str, *, is_last: bool) -> _Step | None:
    """Decide where the licence ends that begins here, if one does."""
    is_whole = is_last or len(text) >= MAX_LICENCE_CHARS
    if not is_whole:
        return None
    window = text[:MAX_LICENCE_CHARS]
    line = window.find("\n") + 1 or len(window)
    sure = _END.search(window, 0, _NEAR_CHARS + line)
    after = window.find("\n", sure.start()) + 1 or len(window) if sure else line
    is_all_there = len(text) <= MAX_LICENCE_CHARS and is_last
    if sure is None and not (is_all_there and not text[line:].strip()):
        return _Step(line, False, "book")
    last, start = _LAST_SENTENCE.search(window, after), _START.search(window, after)
    if start and not (last and last.start() < start.start()):
        return _Step(start.end(), True, "book")
    if last:
        return _Step(last.end(), True, "header")
    goes_on = may_hold_licence(window[after : after + 2000]) or not window[after:].strip()
    return _Step(len(text) if is_all_there and goes_on else after, True, "header")
