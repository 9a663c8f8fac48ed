"""Names, phone numbers, e-mail and web addresses replaced, each by the same word everywhere.

    Anna, call me: +49 151 2345678   →   Name1, call me: Phone1

Names are those of the people who speak in the chats, whole and by their parts, in any case, and
what stands behind an @. Nobody can know the other names in a text: of those who never write,
of places, of firms. `docs/own-chats.md` says so.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice

from lumina_cli.conversation import Conversation, Document, Message, PlainText
from lumina_cli.data.chats.message import same_name
from lumina_cli.data.report import Location, ReadReport

_SHORTEST_PART, _SHORTEST_WITH_S = 3, 4
_MOST_NAMES = 20_000
_MOST_WORDS = 65_536
_NOBODY = frozenset(["me", "you", "deleted account", "deleted", "account"])
_PARTICLES_IN_NAMES = """
    al and bin da das de del den der des di do dos du el ibn la las le los the van von
    dr jr mr ms sr st
"""
_PARTICLES = frozenset(_PARTICLES_IN_NAMES.split())
_WORD = re.compile(
    r"([^\W_]+(?:SIGNS+[^\W_]*)*|(?:SIGNS+[^\W_]*)+)".replace(
        "SIGNS",
        r"[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"
        r"\u0900-\u0963\u0966-\u0dff\u200c\u200d]",
    )
)
"""Letters and digits with the signs that belong to them: vowels of Hindi, points of Arabic."""
_AGAIN = re.compile(r"(Name(?<=\bName)\d+)(?:[ \-]\1\b)+")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]{2,}")
"""Scripts that put no space around a name: it stands inside of words, or particles follow it."""
_UNDIVIDED = re.compile("[\u3400-\u9fff]{3,4}|[\uac00-\ud7a3]{3}")
"""Names of which family and given name are written as one word, the family's in front."""
_ACCENTS = re.compile("[\u0300-\u036f]")
_STROKES = str.maketrans("łøđ", "lod")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
_EMAIL = re.compile(r"[\w.+%\-]{1,64}@[\w\-]{1,63}(?:\.[\w\-]{1,63})+")
_WEB = re.compile(
    r"(?:https?|ftp)://[^\s<>\"]+|\bwww\.[^\s<>\"]+"
    r"|\b(?:[a-z0-9\-]{1,63}\.){1,8}[a-z]{2,10}/[^\s<>\"]*"
    r"|\b(?:[a-z0-9\-]{1,63}\.){1,8}(?:com|org|net|info|io|de|fr|es|it|nl|ru|br|uk|jp|cn|me|ly"
    r"|app|dev|ai|ch|at|eu|pl|tr|cz|pt|ca|au|mx|ar|kr|tw|tv|gg|xyz|edu|gov|shop|site|online|blog)\b",
    re.IGNORECASE,
)
_PHONE = re.compile(
    r"(?<![A-Za-z0-9_])(?<!\d[.:/\-])(?:\+|\(|00)?\d"
    r"[\d ()/.\-\u00a0\u202f\u2011\u2013]{5,60}(?<=\d)(?![A-Za-z0-9_])(?![:/.\-]\d)"
)
"""What may be one, or several side by side; letters without spaces may stand around it."""
_ONE_OF_SEVERAL = re.compile(r"(?:\+|\(|00)?\d(?:(?!/|\s[\-\u2013]\s|\s{2}).)*(?<=\d)")
_DATE_LIKE = re.compile(r"\d{1,4}[./\-]\d{1,2}[./\-]\d{1,4}(?:\D.*)?|\d{1,2}[:.]\d{2}.*")
_THOUSANDS = re.compile(r"\d{1,3}(?:[ .,\u00a0\u202f]\d{3})+(?:[.,]\d+)?")
_HANDLE = re.compile(r"(?<![\w@])@[^\W\d][\w.]{1,39}(?<!\.)")
_MAY_BE_WEB = re.compile(r"\.(?:[^\W\d_]|(?<=[wW]\.)[^\s<>\"])")
_MAY_BE_PHONE = re.compile(r"\d[\d ()/.\-\u00a0\u202f\u2011\u2013]{5}")
_FEWEST_DIGITS, _MOST_DIGITS = 7, 15
_SHORTEST_LONG_GROUP = 3
_LONGEST_UNDIVIDED = 4


def _may_hold_numbers(text: str) -> bool:
    """Say whether a text may hold an address or a phone number: most hold none."""
    return (
        "@" in text
        or "://" in text
        or _MAY_BE_WEB.search(text) is not None
        or _MAY_BE_PHONE.search(text) is not None
    )


Replacer = Callable[[re.Match[str]], str]


class Anonymizer:
    """Replaces what tells who somebody is, and counts it.

    Args:
        names: of the people who speak.
        report: what was replaced is counted here.
    """

    def __init__(self, names: Iterable[str], *, report: ReadReport) -> None:
        self._report = report
        self._numbers: dict[str, dict[str, int]] = {}
        self._parts: dict[str, int] = {}
        self._short_parts: dict[str, int] = {}
        self._names: dict[str, str] = {}
        """Words that are names, and what is written for them."""
        self._looked_up: set[str] = set()
        self._num_names = 0
        for name in islice(names, _MOST_NAMES):
            self._add_name(name)
        unspaced = sorted(filter(_UNSPACED.fullmatch, self._parts), key=len, reverse=True)
        self._unspaced = re.compile("|".join(unspaced)) if unspaced else None

    def document(self, document: Document, *, location: Location) -> Document:
        """Return a document with all its texts anonymized."""
        if isinstance(document, PlainText):
            return replace(document, text=self.text(document.text, location=location))
        return self.conversation(document, location=location)

    def conversation(self, conversation: Conversation, *, location: Location) -> Conversation:
        """Return a conversation with all its texts anonymized."""
        messages = tuple(
            Message(each.role, self.text(each.text, location=location), each.in_loss)
            for each in conversation.messages
        )
        return Conversation(messages, group=conversation.group)

    def text(self, text: str, *, location: Location) -> str:
        """Return a text anonymized; what was replaced is counted."""
        if _may_hold_numbers(text):
            text = "\n".join([self._line(line, location) for line in text.split("\n")])
        if self._parts:
            text = self._without_names(text, location)
        if self._unspaced and not text.isascii():
            text = self._unspaced.sub(lambda found: self._name(found, location), text)
        return text

    def _line(self, line: str, location: Location) -> str:
        """Return a line without numbers and addresses."""
        if not _may_hold_numbers(line):
            return line

        def numbered(kind: str, word: str, form: Callable[[str], str]) -> Replacer:
            def replaced(match: re.Match[str]) -> str:
                self._count(kind, location)
                numbers = self._numbers.setdefault(kind, {})
                return word.format(numbers.setdefault(form(match[0]), len(numbers) + 1))

            return replaced

        line = _EMAIL.sub(numbered("an e-mail address", "Mail{}", str.lower), line)
        line = _WEB.sub(numbered("a web address", "Web{}", str), line)
        phone = numbered("a phone number", "Phone{}", _digits)
        line = _PHONE.sub(lambda found: _with_phones(found, phone), line)
        handle = numbered("a name behind an @", "@Someone{}", str.lower)
        return _HANDLE.sub(
            lambda found: found[0] if self._is_name(found[0][1:]) else handle(found), line
        )

    def _without_names(self, text: str, location: Location) -> str:
        """Return a text without names; each different word is looked up once."""
        parts = _WORD.split(text)
        words = parts[1::2]
        distinct = set(words)
        for word in distinct - self._looked_up:
            self._look_up(word)
        if not distinct.isdisjoint(self._names):
            names = self._names
            self._count("a name", location, count=sum(map(names.__contains__, words)))
            parts[1::2] = [names.get(word, word) for word in words]
            text = "".join(parts)
        return _AGAIN.sub(r"\1", text) if "Name" in text else text

    def _is_name(self, word: str) -> bool:
        return _key(word) in self._parts

    def _name(self, match: re.Match[str], location: Location) -> str:
        name = self._names.get(match[0]) or self._look_up(match[0])
        self._count("a name", location, count=bool(name))
        return name or match[0]

    def _look_up(self, word: str) -> str:
        """Return what is written for a name, "" for a word that is none, and keep it."""
        if len(self._looked_up) >= _MOST_WORDS:
            self._looked_up.clear()
        self._looked_up.add(word)
        found = _key(word)
        number, ending = self._parts.get(found) or self._short_parts.get(word), ""
        if number is None and found.endswith("s") and len(found) > _SHORTEST_WITH_S:
            number, ending = self._parts.get(found[:-1]), word[-1]
        if number is None:
            return ""
        self._names[word] = f"Name{number}{ending}"
        return self._names[word]

    def _add_name(self, name: str) -> None:
        """Take a name and its parts, all under one number."""
        if same_name(name) in _NOBODY:
            return
        self._num_names += 1
        for part in (name, *_parts_of(name)):
            key = _key(part)
            if not any(map(str.isalpha, key)) or key in _NOBODY or key in _PARTICLES:
                continue
            if len(key) >= _SHORTEST_PART or _UNSPACED.fullmatch(key) or part == name:
                self._parts.setdefault(key, self._num_names)
            elif len(key) > 1 and part[0].isupper():
                self._short_parts.setdefault(part, self._num_names)

    def _count(self, kind: str, location: Location, *, count: int = 1) -> None:
        self._report.notices.add(f"{kind} was replaced (--anonymize)", location, count=count)


def _key(name: str) -> str:
    """Return a name in the form in which it is looked up: people leave its accents out."""
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", same_name(name)))
    return unicodedata.normalize("NFC", bare).translate(_STROKES)


def _parts_of(name: str) -> Iterator[str]:
    """Yield the parts by which somebody may be called: O'Neil and Oneil, 김민수 and 민수."""
    for word in name.split():
        parts = _WORD.findall(word)
        yield from parts
        yield from (spelled for part in parts if (spelled := part.translate(_UMLAUTS)) != part)
        if len(parts) > 1:
            yield "".join(parts)
        if _UNDIVIDED.fullmatch(word):
            yield word[len(word) - 2 :]
            yield from [word[:2]] * (len(word) == _LONGEST_UNDIVIDED)


def _with_phones(found: re.Match[str], phone: Replacer) -> str:
    """Return what may be phone numbers, side by side, with those that are some replaced."""
    if _num_digits(found[0]) <= _MOST_DIGITS:
        return phone(found) if _is_phone(found[0]) else found[0]
    return _ONE_OF_SEVERAL.sub(
        lambda each: phone(each) if _is_phone(each[0]) or _is_long(each[0]) else each[0], found[0]
    )


def _is_phone(text: str) -> bool:
    if not _FEWEST_DIGITS <= _num_digits(text) <= _MOST_DIGITS:
        return False
    return not (_DATE_LIKE.fullmatch(text) or _THOUSANDS.fullmatch(text))


def _is_long(text: str) -> bool:
    """Say whether groups of digits are too many for one phone number, as those of a bank card."""
    groups = re.findall(r"\d+", text)
    is_grouped = len(groups) > 1 and max(map(len, groups)) >= _SHORTEST_LONG_GROUP
    is_other = _DATE_LIKE.fullmatch(text) or _THOUSANDS.fullmatch(text)
    return _num_digits(text) > _MOST_DIGITS and is_grouped and not is_other


def _num_digits(text: str) -> int:
    return sum(map(str.isdigit, text))


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text).removeprefix("00")
