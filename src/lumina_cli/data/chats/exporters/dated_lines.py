"""Texts in which a date and a time begin each message: WhatsApp, Signal's tools, and alike.

    23.01.21, 21:05 - Anna: Hello          Android
    [23.01.21, 21:05:33] Anna: Hello       iOS, signal-export
    [Jan 23, 2021 21:05:33] <Anna> Hello   signalbackup-tools
    2021년 1월 23일 오후 9:05, Anna : Hi   KakaoTalk on phones
    2021-01-23 21:05 Anna: Hello           sigtop

A message goes on until the next line with a date in the same form. Lines with a date and no
speaker are the app's.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import IO, NamedTuple

from lumina_cli.data.chats.app_lines import APP, DELETED, MEDIA, spoken, spoken_in_kakaotalk
from lumina_cli.data.chats.message import (
    MAX_MESSAGE_CHARS,
    NO_SPEAKERS,
    TOO_LONG,
    ChatMessage,
    ExportFile,
    clean_name,
)
from lumina_cli.data.chats.stamps import (
    BARE_STAMPS,
    STAMPS,
    Clock,
    Stamp,
    day_of,
    parse_stamp,
    stamp_of,
)
from lumina_cli.data.readers.text_files import SAMPLE_CHARS
from lumina_cli.data.report import Location, ReadReport

_LINES_TRIED = 400
_MOST_STAMP_CHARS = 200
"""Of a line that may begin with a stamp among marks: it is tried in every layout."""

_MARKS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_MAY_BEGIN = re.compile(r"(?=.{0,60}?\d(?:[:.]|\s?h\s?)\d\d)\W{0,4}(?:\d|[^\W\d_]{3,12}\.?\s\d)")
_SPEAKER = re.compile(r"(?:<(?P<angled>[^<>\n]{1,80})>|(?P<name>[^\n]{1,100}?)\s?:)(?:\s|\Z)")
_STATUS = re.compile(r"\*\*\*\s")
_SHORT_DETAILS = re.compile(
    r"\[(?:reply to [^\]]*|edited|\d+ attachments?|[a-z-]+ message)(?:, [^\]]*)?\]\s?"
)
_QUOTES = re.compile('["“”„«»「」]')
_OPEN_QUOTE = re.compile(r"(?:^|\s)['‘][^'’]*$")
_MOST_WORDS = 10
_FEW_SPEAKERS, _MOST_NEW = 4, 0.8


class Layout(NamedTuple):
    """The form in which the lines of a file begin: what encloses the stamp, and the stamp."""

    name: str
    pattern: str


_LAYOUTS = (
    *(Layout("brackets", rf"\[\s?{stamp}\s?\]\s?") for stamp in STAMPS),
    *(Layout("dash", rf"{stamp}\s[-–—](?:\s|$)") for stamp in STAMPS),
    *(Layout("colon", rf"{stamp}:\s") for stamp in STAMPS),
    *(Layout("comma", rf"{stamp},\s") for stamp in STAMPS),
    *(Layout("space", rf"{stamp}\s") for stamp in BARE_STAMPS),
)


@cache
def _compiled(layout: Layout) -> re.Pattern[str]:
    return re.compile(layout.pattern)


class Dialect(NamedTuple):
    """How one file writes the beginning of a message, and how its times are read."""

    layout: Layout
    separator: str
    clock: Clock

    @property
    def format(self) -> str:
        """The name of the program, for the report."""
        return {"space": "signal", "comma": "kakaotalk"}.get(self.layout.name, "whatsapp")


class Begin(NamedTuple):
    """The beginning of a message: its stamp, and what follows on the line."""

    stamp: Stamp
    rest: str


def find_dialect(sample: str) -> Dialect | None:
    """Return how messages begin in a text, or None where it is no chat of dated lines.

    Args:
        sample: the beginning of the text.
    """
    lines = [line for line in sample.split("\n") if line.strip()]
    may_begin = [line for line in lines if _MAY_BEGIN.match(line)]
    if not may_begin or len(may_begin) * 50 < len(lines):
        return None
    tried = may_begin[:_LINES_TRIED]
    counts = [(_num_spoken(layout, tried), layout) for layout in _LAYOUTS]
    number, layout = max(counts, key=lambda each: each[0])
    # a line of a log, or of minutes, may look like a message: one alone proves nothing
    if number < 2 and not (number == 1 and len(lines) <= 3):
        return None
    if layout.name in ("comma", "space") and 2 * number < len(tried):
        return None
    begins = [begin for line in may_begin if (begin := _begin_of(layout, line))]
    if not _are_people(begins):
        return None
    separators = [begin.stamp.separator for begin in begins]
    separator = max(set(separators), key=separators.count)
    stamps = [begin.stamp for begin in begins if begin.stamp.separator == separator]
    return Dialect(layout, separator, Clock.learn(stamps))


def messages(file: ExportFile, report: ReadReport) -> Iterator[ChatMessage]:
    """Yield the messages of a file; what nobody said is counted in the report.

    Raises:
        DataError: it is not text.
    """
    with file.open() as text:
        dialect = find_dialect(text.read(SAMPLE_CHARS))
    assert dialect, "the file was recognised"
    with file.open() as text:
        for begin, lines, location in _blocks(text, dialect, path=file.path, report=report):
            yield from _message(begin, lines, location, dialect=dialect, report=report)


def _are_people(begins: list[Begin]) -> bool:
    """Say whether the speakers come again, as in no list of dates with a heading each."""
    speakers = [match[0] for begin in begins if (match := _speaker_of(begin.rest))]
    return len(set(speakers)) <= max(_FEW_SPEAKERS, _MOST_NEW * len(speakers))


def _num_spoken(layout: Layout, lines: list[str]) -> int:
    """Return how many lines begin a message with a speaker."""
    begins = (_begin_of(layout, line) for line in lines)
    return sum(begin is not None and _speaker_of(begin.rest) is not None for begin in begins)


def _begin_of(layout: Layout, line: str) -> Begin | None:
    """Return the stamp of a line and what follows it; marks of direction in it are no matter."""
    pattern = _compiled(layout)
    match = pattern.match(line)
    end = match.end() if match else 0
    if match is None:
        if not _MARKS.search(line, 0, 80):
            return None
        match = pattern.match(_MARKS.sub("", line[:_MOST_STAMP_CHARS]))
        if match is None:
            return None
        end = _position(line, match.end())
    stamp = stamp_of(match)
    return Begin(stamp, line[end:]) if stamp else None


def _position(line: str, num_chars: int) -> int:
    """Return where in a line so many characters that are no marks end."""
    at = 0
    while num_chars:
        num_chars -= not _MARKS.match(line, at)
        at += 1
    return at


def _speaker_of(rest: str) -> re.Match[str] | None:
    """Return the match of the speaker that a message begins with; None for the app's lines."""
    if rest.startswith("\u200e") or _STATUS.match(rest):
        return None
    match = _SPEAKER.match(rest)
    if match is None or match["angled"]:
        return match
    return match if _may_be_name(match["name"]) else None


@lru_cache(maxsize=4096)
def _may_be_name(name: str) -> bool:
    """Say whether what stands before a colon may be a name, and no part of a sentence."""
    if name.lower() in NO_SPEAKERS:
        return False
    if len(_QUOTES.findall(name)) % 2 or _OPEN_QUOTE.search(name):
        return False
    if len(name.split()) > _MOST_WORDS or "http" in name:
        return False
    return bool(clean_name(name))


def _blocks(
    text: IO[str], dialect: Dialect, *, path: Path, report: ReadReport
) -> Iterator[tuple[Begin, list[str], Location]]:
    """Yield each beginning with the lines that follow it."""
    begin: Begin | None = None
    lines: list[str] = []
    location, num_chars = Location(path), 0
    for number, line in _lines(text):
        found = _begin_of(dialect.layout, line) if _MAY_BEGIN.match(line) else None
        if not found and dialect.format == "kakaotalk" and _is_of_kakaotalk(line):
            continue
        if found and found.stamp.separator == dialect.separator:
            if begin:
                yield begin, lines, location
            begin, lines, location = found, [], Location(path, number)
            num_chars = len(line)
        elif begin is None:
            if line.strip("\ufeff \t"):
                report.left_out.add("a line before the first message", Location(path, number))
        elif num_chars < MAX_MESSAGE_CHARS:
            lines.append(line)
            num_chars += len(line)
        else:
            report.left_out.add(TOO_LONG, Location(path, number))
    if begin:
        yield begin, lines, location


def _is_of_kakaotalk(line: str) -> bool:
    """Say whether a line is a heading: a day, or a day and a time."""
    return line[:1].isdecimal() and (day_of(line) or parse_stamp(line)) is not None


def _lines(text: IO[str]) -> Iterator[tuple[int, str]]:
    """Yield the lines with their numbers, a long one in parts."""
    number, is_whole = 1, True
    while line := text.readline(MAX_MESSAGE_CHARS):
        is_whole = line.endswith("\n")
        yield number, line.removesuffix("\n")
        number += is_whole


def _message(
    begin: Begin, lines: list[str], location: Location, *, dialect: Dialect, report: ReadReport
) -> Iterator[ChatMessage]:
    """Yield the message of one block, if somebody said something in it."""
    match = _speaker_of(begin.rest)
    is_angled = bool(match and match["angled"])
    report.saw_row(location.path, "signal" if is_angled else dialect.format)
    if match is None:
        wording = MEDIA if " sent file" in begin.rest and begin.rest[:3] == "***" else APP
        report.left_out.add(wording, location, example=begin.rest.strip()[:80])
        return
    name = clean_name(match["angled"] or match["name"])
    first = begin.rest[match.end() :]
    if dialect.layout.name == "space" and (details := _SHORT_DETAILS.match(first)):
        first = first[details.end() :]
        if "attachment" in details[0]:
            report.left_out.add(MEDIA, location)
        elif details[0].rstrip().endswith("message]") and not first:
            report.left_out.add(APP, location, example=details[0])
            return
    speaks = spoken_in_kakaotalk if dialect.format == "kakaotalk" else spoken
    said = speaks("\n".join([first, *lines]))
    for wording in said.left_out:
        example = "" if wording in (DELETED, MEDIA) else first.strip()[:80]
        report.left_out.add(wording, location, example=example)
    if said.text:
        seconds = dialect.clock.seconds(begin.stamp)
        yield ChatMessage(name, said.text, seconds, location, str(location.path))
