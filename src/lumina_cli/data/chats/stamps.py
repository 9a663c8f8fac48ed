"""Dates and times before messages, in the forms and languages that chat programs write.

    23.01.21, 21:05    1/23/21, 9:05 PM    2021. 1. 23. 오후 9:05    21:05, 23/01/2021
    ٢٣/١/٢٠٢١, ٩:٠٥ م   23.1.2021 klo 21.05   Jan 23, 2021 21:05:33   2021-01-23T21:05:33Z

They are known by structure: three numbers, or two and the name of a month, and a time; words
around the time are those of any language. Which number is the day, and which word means the
afternoon, is decided over the beginning of the whole file (`Clock.learn`). Times only tell
where a pause begins a new conversation.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

_WORD = r"[^\W\d_][^\d:,،\[\]<>]{0,14}?"
_NUMBERS = (
    r"(?P<a>\d{1,4})\s?(?P<sep>[./\-年년])\s?(?P<b>\d{1,2})\s?[./\-月월]\s?(?P<c>\d{1,4})"
    r"(?:\s?[.日일])?(?:\s?\([^()\d]{1,3}\))?(?:\s[^\W\d_]\.)?"
)
_DAY_MONTH = (
    r"(?P<a>\d{1,2})(?P<sep>[.\s\-])\s?(?:de\s)?(?P<b>[^\W\d_]{3,12})\.?[,\s\-]\s?(?:de\s)?"
    r"(?P<c>\d{4}|\d{2}(?!\d))"
)
_MONTH_DAY = r"(?P<b>[^\W\d_]{3,12})\.?(?P<sep>\s)(?P<a>\d{1,2}),?\s(?P<c>\d{4})"
_TIME = r"(?P<h>\d{1,2})(?:[:.]|\s?h\s?)(?P<m>\d{2})(?:[:.](?P<s>\d{2}))?"

DATES = (_NUMBERS, _DAY_MONTH, _MONTH_DAY)
STAMPS = tuple(
    pattern
    for day in DATES
    for pattern in (
        rf"{day}[,،]?\s?(?:(?P<before>{_WORD})\s?)?{_TIME}(?:\s?(?P<after>{_WORD}))?",
        rf"{_TIME}(?:\s?(?P<after>{_WORD}))?[,،]?\s?(?P<before>){day}",
    )
)
"""Regular expressions of a date and a time, in this order and the other way round."""

BARE_STAMPS = tuple(
    rf"{day}[,،]?\s?(?P<before>){_TIME}(?P<after>(?:\s?[AaPp]\.?\s?[Mm]\b\.?)?)" for day in DATES
)
"""The same without words, where a name may follow at once."""

_DAYS = tuple(
    re.compile(
        rf"-*\s*(?:[^\W\d_]{{1,12}}\.?,\s)?{day}(?:\s?[(（]?[^\W\d_]{{1,12}}\.?[)）]?)?\s*-*\s*"
    )
    for day in DATES
)
_MOST_DAY_CHARS = 80

_PM = frozenset(
    ["pm", "μμ", "م", "下午", "午後", "晚上", "오후", "ptg", "pasdite", "epasdites", "odp", "popol"]
)
_AM = frozenset(
    ["am", "πμ", "ص", "上午", "午前", "凌晨", "早上", "清晨", "오전", "pg", "dop", "dopol"]
)
_MONTHS = (
    "jan ene gen янв ιαν ocak",
    "feb fév fev фев φεβ şub",
    "mar mär mrt мар μαρ maa",
    "apr abr avr апр απρ nis huh",
    "may mai mag мая май μαΐ μαι mei maj tou",
    "jun jui giu июн ιουν haz kes",
    "jul juil lug июл ιουλ tem hei",
    "aug aoû ago авг αυγ ağu elo",
    "sep set сен σεπ eyl syy",
    "oct okt ott out окт οκτ eki lok",
    "nov ноя νοε kas mar",
    "dec déc dez dic дек δεκ ara jou",
)
_DAY_S = 86_400.0
_PERSIAN_YEARS = range(1300, 1500)
_BUDDHIST_OFFSET, _FIRST_BUDDHIST_YEAR = 543, 2400
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}")


class Stamp(NamedTuple):
    """The numbers of a date as they stand, hour, minute and second, and the words around it."""

    date: tuple[int, int, int]
    time: tuple[int, int, int]
    word: str
    separator: str


def stamp_of(match: re.Match[str] | Mapping[str, str]) -> Stamp | None:
    """Return the stamp of the named parts of a match; None where its time can't be."""
    a, b, c = match["a"], match["b"], match["c"]
    month = int(b) if b.isdecimal() else _month(b)
    hour, minute, second = int(match["h"]), int(match["m"]), int(match["s"] or 0)
    if hour > 24 or minute > 59 or second > 60 or not 1 <= month <= 31:
        return None
    word = _bare(match["after"] or match["before"] or "")
    return Stamp((int(a), month, int(c)), (hour, minute, second), word, match["sep"])


_FULL = tuple(re.compile(rf"\s*{pattern}\s*") for pattern in STAMPS)


def parse_stamp(text: str) -> Stamp | None:
    """Return the stamp that is the whole of a text, or None."""
    for pattern in _FULL:
        if match := pattern.fullmatch(text):
            return stamp_of(match)
    return None


def day_of(line: str) -> re.Match[str] | None:
    """Return the match of a line that is a day, and its name, and nothing else."""
    line = line.strip("\ufeff\n")
    if len(line) > _MOST_DAY_CHARS or not any(map(str.isdecimal, line)):
        return None
    return next((match for day in _DAYS if (match := day.fullmatch(line))), None)


def iso_seconds(text: object) -> float | None:
    """Return the time of an ISO date in seconds, or None."""
    if not isinstance(text, str) or not _ISO.match(text):
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _month(word: str) -> int:
    """Return the number of a month by the beginning of its name, 0 if it is not known."""
    word = word.casefold()
    for length in (4, 3):  # "juil" before "jui"
        for number, names in enumerate(_MONTHS, start=1):
            if word[:length] in names.split():
                return number
    return 0


@lru_cache(maxsize=1024)
def _bare(word: str) -> str:
    return re.sub(r"[\W\d_]", "", word).casefold()


@dataclass(frozen=True, slots=True)
class Clock:
    """How the dates and times of one file are read.

    Args:
        order: of a date's numbers: dmy, mdy, ymd or ydm.
        has_halves: whether the day is told in two times twelve hours.
        afternoon: the words for the second of them.
    """

    order: str = "dmy"
    has_halves: bool = False
    afternoon: frozenset[str] = _PM

    @classmethod
    def learn(cls, stamps: Sequence[Stamp]) -> "Clock":
        """Return the clock by which the stamps of a file's beginning make most sense."""
        words = {stamp.word for stamp in stamps if stamp.word}
        has_halves = bool(words) and max(stamp.time[0] for stamp in stamps) <= 12
        has_halves = has_halves and (len(words) > 1 or bool(words & (_PM | _AM)))
        afternoon = _PM | _afternoon_words(stamps) if has_halves else _PM
        clocks = [cls(order, has_halves, afternoon) for order in _orders(stamps, has_halves)]
        return min(clocks, key=lambda clock: clock._strangeness(stamps)) if clocks else cls()

    def seconds(self, stamp: Stamp) -> float | None:
        """Return the time of a stamp in seconds, or None for no day of a calendar."""
        day = _day(stamp.date, self.order)
        if day is None:
            return None
        hour, minute, second = stamp.time
        if self.has_halves:
            hour = hour % 12 + 12 * (stamp.word in self.afternoon)
        return day * _DAY_S + hour * 3600 + minute * 60 + second

    def _strangeness(self, stamps: Sequence[Stamp]) -> tuple[int, int, float]:
        """Return what speaks against this clock: no dates, going back in time, long spans."""
        order = self.order
        impossible = sum(
            stamp.date[order.index("m")] > 12 or stamp.date[order.index("d")] > 31
            for stamp in stamps
        )
        times = [time for stamp in stamps if (time := self.seconds(stamp)) is not None]
        steps = [later - earlier for earlier, later in pairwise(times)]
        num_back = min(sum(step < -_DAY_S for step in steps), sum(step > _DAY_S for step in steps))
        return impossible + len(stamps) - len(times), num_back, _span(times)


@lru_cache(maxsize=1024)
def _day(numbers: tuple[int, int, int], order: str) -> int | None:
    """Return the number of a day, or None for no day of a calendar."""
    year, month, day = (numbers[order.index(part)] for part in "ymd")
    if month > 12:
        month, day = day, month
    if year < 100:
        year += 2000
    if year > _FIRST_BUDDHIST_YEAR:
        year -= _BUDDHIST_OFFSET
    if year in _PERSIAN_YEARS:  # six months of 31 days, then such of 30
        return 365 * year + year // 4 + 30 * (month - 1) + min(month - 1, 6) + day
    try:
        return date(year, month, day).toordinal()
    except ValueError:
        return None


def _orders(stamps: Sequence[Stamp], has_halves: bool) -> list[str]:  # noqa: FBT001
    """Return the orders that may be meant, the usual one first."""
    if not stamps:
        return []
    if max(stamp.date[0] for stamp in stamps) > 31:
        return ["ymd", "ydm"]
    if max(stamp.date[2] for stamp in stamps) > 31:
        usual = stamps[0].separator == "/" and has_halves
        return ["mdy", "dmy"] if usual else ["dmy", "mdy"]
    if stamps[0].separator == "/":
        return ["mdy", "dmy", "ymd"] if has_halves else ["dmy", "mdy", "ymd"]
    return ["dmy", "ymd", "mdy"]


def _span(times: Sequence[float]) -> float:
    return max(times) - min(times) if times else 0.0


def _afternoon_words(stamps: Iterable[Stamp]) -> frozenset[str]:
    """Return the words after which, on the same day, the hours begin again."""
    votes: Counter[str] = Counter()
    before: Stamp | None = None
    for stamp in stamps:
        if before and before.date == stamp.date and before.word != stamp.word:
            earlier, later = (each.time[0] % 12 for each in (before, stamp))
            if later < earlier:
                votes[stamp.word] += 1
                votes[before.word] -= 1
        before = stamp
    return frozenset(word for word, count in votes.items() if count > 0 and word not in _AM)
