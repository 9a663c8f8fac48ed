"""Texts in which headings name the day and a time begins each message: LINE and KakaoTalk.

    [LINE] Chat history with Ben             Ben 님과 카카오톡 대화
    Saved on: 2021/01/24 10:00               저장한 날짜 : 2021-01-24 10:00:00

    2021/01/23(Sat)                          --------------- 2021년 1월 23일 토요일 ---------------
    21:05→Anna→Hello                         [Anna] [오후 9:05] Hello
    21:06→Ben→"Hi!                           [Ben] [오후 9:06] Hi!
    How are you?"                            How are you?

Between time, name and text LINE writes tabs (→), on computers spaces. KakaoTalk on phones writes
the whole date before each message (`dated_lines.py`).
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

from lumina_cli.data.chats.app_lines import APP, CALL, MEDIA, Spoken, spoken, spoken_in_kakaotalk
from lumina_cli.data.chats.message import (
    MAX_MESSAGE_CHARS,
    TOO_LONG,
    ChatMessage,
    ExportFile,
    clean_name,
)
from lumina_cli.data.chats.stamps import Clock, Stamp, day_of, stamp_of
from lumina_cli.data.readers.text_files import SAMPLE_CHARS
from lumina_cli.data.report import Location, ReadReport

FORMATS = frozenset(["line", "kakaotalk"])

_CLOCK = (
    r"(?:(?P<before>[^\W\d_]{1,6})\s?)?(?P<h>\d{1,2}):(?P<m>\d{2})(?P<s>)"
    r"(?:\s?(?P<after>[AaPp]\.?[Mm]\.?))?"
)
_TABS = re.compile(rf"{_CLOCK}\t(?:(?P<name>[^\t\n]{{0,100}})\t)?(?P<text>.*)", re.DOTALL)
_BRACKETS = re.compile(rf"\[(?P<name>.{{1,100}}?)\] \[{_CLOCK}\] ?(?P<text>.*)", re.DOTALL)
_SPACES = re.compile(rf"{_CLOCK} (?P<text>\S.*)", re.DOTALL)
_MEDIA = re.compile(
    r"\[[^\[\]\n]{1,24}\](?: [^\n]+\.\w{2,5})?"
    r"|\[(?:Albums?|Notes?|アルバム|ノート|相簿|記事本)\][^\n]*|Stickers?|Photos?|Videos?|スタンプ|写真|動画|貼圖|圖片|照片|影片|스티커"
)
_FEW_SPEAKERS, _MOST_NEW, _SHARE_OF_LINES = 4, 0.8, 0.5
_FEWEST_TO_TELL, _MOST_WORDS = 4, 4
_STAMPS_TRIED = 1000


class _Form(NamedTuple):
    """How one file writes a message: the program, the pattern, and names where spaces divide."""

    format: str
    begin: re.Pattern[str]
    names: frozenset[str] = frozenset()


class _Block(NamedTuple):
    """A message with its lines, or one of the app's where `name` is empty."""

    name: str
    stamp: Stamp | None
    lines: list[str]
    location: Location


def find_form(sample: str) -> _Form | None:
    """Return how messages are written in a text, or None where it has no headings of days."""
    lines = sample.lstrip("\ufeff").split("\n")
    if len(sample) >= SAMPLE_CHARS:
        lines.pop()  # it may be cut
    first = next((at for at, line in enumerate(lines) if day_of(line)), len(lines))
    lines = [line for line in lines[first:] if line and not day_of(line)]
    forms = (
        _Form("line", _TABS),
        _Form("kakaotalk", _BRACKETS),
        _Form("line", _SPACES, _names_before_spaces(lines)),
    )
    return next((form for form in forms if _fits(form, lines)), None)


def messages(file: ExportFile, report: ReadReport) -> Iterator[ChatMessage]:
    """Yield the messages of a file; what nobody said is counted in the report."""
    with file.open() as text:
        form = find_form(text.read(SAMPLE_CHARS))
    assert form, "the file was recognised"
    with file.open() as text:
        blocks = _blocks(text, form, path=file.path, report=ReadReport())
        stamps = (block.stamp for block in blocks)
        clock = Clock.learn([stamp for stamp in islice(stamps, _STAMPS_TRIED) if stamp])
    with file.open() as text:
        for block in _blocks(text, form, path=file.path, report=report):
            report.saw_row(file.path, form.format)
            said = _spoken(block, form)
            for wording in said.left_out:
                report.left_out.add(wording, block.location, example=block.lines[0].strip()[:80])
            if said.text:
                time = clock.seconds(block.stamp) if block.stamp else None
                name = clean_name(block.name)
                yield ChatMessage(name, said.text, time, block.location, str(file.path))


def _fits(form: _Form, lines: list[str]) -> bool:
    """Say whether a good part of the lines are messages of people who come again."""
    names = [found[0] for line in lines if (found := _begun(line, form)) and found[0]]
    if not names or (form.begin is _SPACES and len(names) < _SHARE_OF_LINES * len(lines)):
        return False
    return len(set(names)) <= max(_FEW_SPEAKERS, _MOST_NEW * len(names))


def _begun(line: str, form: _Form) -> tuple[str, str, re.Match[str]] | None:
    """Return name, text and time of a line that begins a message, or None."""
    match = form.begin.match(line)
    if match is None or int(match["h"]) > 24 or int(match["m"]) > 59:
        return None
    if form.begin is not _SPACES:
        return (match["name"] or "").strip(), match["text"], match
    words = match["text"].split(" ")
    for length in range(min(_MOST_WORDS, len(words) - 1), 0, -1):
        if (name := " ".join(words[:length])) in form.names:
            return name, " ".join(words[length:]), match
    return "", match["text"], match


def _names_before_spaces(lines: list[str]) -> frozenset[str]:
    """Return who speaks where nothing but a space ends a name.

    A name is one word, and as many more as follow it in each message of those that begin so.
    """
    said_by: dict[str, list[list[str]]] = defaultdict(list)
    for line in lines:
        if match := _SPACES.match(line):
            words = match["text"].split()
            said_by[words[0]].append(words)
    names = []
    for said in said_by.values():
        length = 1
        while len(said) >= _FEWEST_TO_TELL and length < _MOST_WORDS:
            if len({tuple(words[length : length + 1]) for words in said}) > 1:
                break
            length += 1
        names += [" ".join(said[0][:length])] * (len(said) > 1)
    return frozenset(names)


def _blocks(text: IO[str], form: _Form, *, path: Path, report: ReadReport) -> Iterator[_Block]:
    """Yield each line that begins a message, and the lines that follow it."""
    day: re.Match[str] | None = None
    block: _Block | None = None
    number = num_chars = 0
    while line := text.readline(MAX_MESSAGE_CHARS):
        number += 1
        found = day_of(line)
        begun = _begun(line, form) if day and not found else None
        if (found or begun) and block:
            yield block
            block = None
        if found:
            day = found
        elif begun and day:
            name, said, clock = begun
            stamp = stamp_of({**day.groupdict(), **clock.groupdict()})
            block = _Block(name, stamp, [said], Location(path, number))
            num_chars = len(said)
        elif block and num_chars < MAX_MESSAGE_CHARS:
            block.lines.append(line)
            num_chars += len(line)
        elif block:
            report.left_out.add(TOO_LONG, Location(path, number))
    if block:
        yield block


def _spoken(block: _Block, form: _Form) -> Spoken:
    """Return what a person said in a message."""
    if not block.name:
        return Spoken("", (APP,))
    text = "".join(block.lines).strip()
    if form.format == "kakaotalk":
        return spoken_in_kakaotalk(text)
    if text.startswith("☎"):
        return Spoken("", (CALL,))
    if _MEDIA.fullmatch(text):
        return Spoken("", (MEDIA,))
    if "\n" in text and text[:1] == text[-1:] == '"':
        text = text[1:-1].replace('""', '"')
    return spoken(text)
