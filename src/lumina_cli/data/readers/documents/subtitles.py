"""Subtitles (SubRip and WebVTT): what is said, without numbers, times, places and tags.

Lines of one cue are joined, and so are cues that go on with a sentence; a sentence's end or a
pause ends a line. Captions that roll, as programs make them, show each line two or three times: it
is read once. Where cues name who speaks, their texts are turns (`spoken_turns`).
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

from lumina_cli.conversation import ROLE_NAMES, Conversation, Message
from lumina_cli.data.config import DataConfig
from lumina_cli.data.readers.documents.encodings import document_encoding
from lumina_cli.data.readers.documents.markup import unescape
from lumina_cli.data.readers.documents.pieces import Piece, documents_of_pieces
from lumina_cli.data.readers.text_files import SAMPLE_CHARS, open_text
from lumina_cli.data.report import LocatedDocument, Location, ReadReport

KIND = "subtitles"
PAUSE_S = 3.0
"""A line ends where nothing is said for so long."""

_MAX_LINE_CHARS = 1 << 16
_MAX_BLOCK_LINES = 1000
_MAX_TURN_CUES = 10_000
_MAX_TURNS = 100_000
_BRIEF_S = 0.05
"""Rolling captions put cues of 10 ms between two others."""

_TIME = r"(?:(\d{1,6}):)?(\d{1,2}):(\d{1,2})[,.](\d{1,3})"
_TIMING = re.compile(rf"[ \t]*{_TIME}[ \t]*-->[ \t]*{_TIME}")
_NUMBER = re.compile(r"[ \t]*\d{1,9}[ \t]*")
_VOICE = re.compile(r"<v(?:\.[^ \t>]{0,80})?[ \t]+([^<>]{1,80})>")
_TAG = re.compile(
    r"</?(?:[ibusvc]|lang|ruby|font|span|rt)(?:[.\s][^<>]{0,200})?/?>"
    r"|<\d{1,2}:\d\d[\d:.]{0,10}>|\{\\[^{}]{0,200}\}",
    re.IGNORECASE,
)
_WORD_TIME = re.compile(r"<\d{1,2}:\d\d[\d:.]{0,10}>")
_NAME = re.compile(r"(?:>>[ ]?|-[ ]?)?\[?([^\W\d_][\w .'’\-]{0,40}?)\]?:(?:[ \t]+|\Z)")
_DASH = re.compile("[-\u2010-\u2015][ \t]*\\S")
_SENTENCE_END = (".", "!", "?", "…", "。", "！", "？", "।", "؟", "♪", "]", ")", '"', "”", "»", ":")
_VTT_BLOCKS = ("WEBVTT", "NOTE", "STYLE", "REGION", "X-TIMESTAMP-MAP")
_MIN_SHARE_NAMED = 0.3


class Cue(NamedTuple):
    """A text that is shown for a time, its lines without tags."""

    lines: list[str]
    start_s: float
    end_s: float
    line: int
    voices: list[tuple[str, str]]
    has_word_times: bool


class SpokenTurn(NamedTuple):
    """What one person says until another speaks."""

    speaker: str
    text: str
    start_s: float
    line: int


def documents_of_subtitles(
    path: Path, *, config: DataConfig, report: ReadReport
) -> Iterator[LocatedDocument]:
    """Yield the subtitles of a file as one text, or as a conversation of user and bot.

    Raises:
        DataError: it is not text in the encoding of `config`.
    """
    encoding = document_encoding(path, config=config)
    with open_text(path, encoding=encoding) as file:
        speakers = named_speakers(file.read(SAMPLE_CHARS))
    with open_text(path, encoding=encoding) as file:
        cues = read_cues(file, path=path, report=report)
        if not speakers:
            yield from documents_of_pieces(joined_cues(cues), path=path, kind=KIND, report=report)
            return
        turns = spoken_turns(cues, speakers=speakers)
        roles = [ROLE_NAMES.get(name.lower()) for name in speakers]
        if "bot" in roles and "user" in roles:
            yield from _conversation(turns, path=path, report=report)
            return
        pieces = (Piece(f"{turn.speaker}: {turn.text}\n", turn.line) for turn in turns)
        wording = "its cues name who speaks; the names stand before what they say"
        report.notices.add(wording, Location(path), example=", ".join(sorted(speakers)[:5])[:80])
        yield from documents_of_pieces(pieces, path=path, kind=KIND, report=report)


def _conversation(
    turns: Iterator[SpokenTurn], *, path: Path, report: ReadReport
) -> Iterator[LocatedDocument]:
    report.saw_row(path, KIND)
    while said := list(islice(turns, _MAX_TURNS)):
        roles = [ROLE_NAMES.get(turn.speaker.lower(), "user") for turn in said]
        messages = [Message(role, turn.text) for role, turn in zip(roles, said, strict=True)]
        yield Location(path, said[0].line), Conversation(tuple(messages))


def read_cues(file: IO[str], *, path: Path, report: ReadReport) -> Iterator[Cue]:
    """Yield the cues of a file; what belongs to none is counted."""
    is_vtt, last = False, None
    for block in _blocks(file):
        line, first = block[0]
        is_vtt = is_vtt or first.startswith("WEBVTT")
        timed = _timed(block)
        begin = timed[0] if timed else len(block)
        if is_vtt and not timed:
            if first.startswith("NOTE"):
                report.left_out.add("a note in subtitles", Location(path, line))
            elif not first.startswith(_VTT_BLOCKS):
                _count_strays(block, report, path)
        elif not is_vtt and begin > bool(timed):  # a blank line stood inside of a cue
            text = block[_is_number(first) and begin > 1 : begin - bool(timed)]
            if not last and text:
                _count_strays(text, report, path)
            elif last and (lines := _lines_of(text)):
                yield last._replace(lines=lines, voices=[])
        for at, end in zip(timed, [*timed[1:], len(block)], strict=False):
            ends_in_number = end < len(block) and end - 1 > at and _is_number(block[end - 1][1])
            if cue := _cue(block[at : end - ends_in_number]):
                yield cue
                last = cue


def _count_strays(block: "_Block", report: ReadReport, path: Path) -> None:
    wording = "a line of subtitles that belongs to no cue"
    location = Location(path, block[0][0])
    report.left_out.add(wording, location, count=len(block), example=block[0][1][:40])


def _timed(block: "_Block") -> list[int]:
    """Return which lines of a block are the times of a cue."""
    return [index for index, (_, text) in enumerate(block) if _TIMING.match(text)]


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


_Block = list[tuple[int, str]]
"""Lines without a blank one between them, and their numbers."""


def _blocks(file: IO[str]) -> Iterator[_Block]:
    """Yield the lines between blank lines, with their numbers."""
    block: _Block = []
    number, at_line_start = 0, True
    while line := file.readline(_MAX_LINE_CHARS):
        number += at_line_start
        at_line_start = line.endswith("\n")
        is_blank = line in ("", "\n")  # a line of spaces stands inside of many a cue
        if not is_blank:
            block.append((number, line.strip(" \t\n\ufeff")))
        if block and (is_blank or len(block) >= _MAX_BLOCK_LINES):
            yield block
            block = []
    if block:
        yield block


def _cue(block: _Block) -> Cue | None:
    """Return the cue whose timing is the first line of a block; None for one without text."""
    number, timing = block[0]
    found = _TIMING.match(timing)
    assert found
    lines = _lines_of(block[1:])
    if not lines:
        return None
    whole = "\n".join(text for _, text in block[1:])
    voices = _voices(whole) if "<v" in whole else []
    start, end = _seconds(found.groups()[:4]), _seconds(found.groups()[4:])
    return Cue(lines, start, end, number, voices, _WORD_TIME.search(whole) is not None)


def _lines_of(block: _Block) -> list[str]:
    return [line for _, text in block if (line := _plain(text))]


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = (part or "0" for part in parts)
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction}")


def _plain(text: str) -> str:
    """Return a line without tags and places."""
    if "<" in text or "{" in text:
        text = _TAG.sub("", text)
    text = text.replace("\\N", " ").replace("\\h", " ")
    return unescape(text).strip()


def _voices(text: str) -> list[tuple[str, str]]:
    """Return who says what in a cue of WebVTT; what stands before the first voice is nobody's."""
    before, *parts = _VOICE.split(text)
    spoken = [("", before), *zip(parts[::2], parts[1::2], strict=True)]
    plain = [(name.strip(), " ".join(_plain(words).split())) for name, words in spoken]
    return [(name, words) for name, words in plain if words]


def without_repeats(cues: Iterable[Cue]) -> Iterator[Cue]:
    """Yield cues without the lines that rolling captions show once more."""
    last: Cue | None = None
    rolls = False
    for cue in cues:
        lines = cue.lines
        if last:
            rolls = rolls or cue.has_word_times
            overlaps = cue.start_s < last.end_s - _BRIEF_S
            is_brief = min(cue.end_s - cue.start_s, last.end_s - last.start_s) <= _BRIEF_S
            if (rolls or overlaps or is_brief) and cue.start_s <= last.end_s + PAUSE_S:
                lines = _new_lines(last.lines, lines)
                rolls = rolls or lines != cue.lines
        if lines:
            yield cue._replace(lines=lines)
        last = cue


def _new_lines(shown: list[str], lines: list[str]) -> list[str]:
    """Return the lines behind those that were shown last; a line that grew gives what is new."""
    for num_old in range(min(len(shown), len(lines)), 0, -1):
        if shown[-num_old:] == lines[:num_old]:
            return lines[num_old:]
    if shown and lines[0].startswith(shown[-1] + " "):
        return [lines[0][len(shown[-1]) :].strip(), *lines[1:]]
    return lines


def joined_cues(cues: Iterable[Cue]) -> Iterator[Piece]:
    """Yield the text of cues: a line ends with a sentence, a pause, or where another speaks."""
    end_s, before = 0.0, ""
    for cue in without_repeats(cues):
        for index, text in enumerate(cue.lines):
            begins = index == 0 and (
                cue.start_s - end_s > PAUSE_S or before.endswith(_SENTENCE_END) or _is_dense(before)
            )
            gap = "\n" if begins or _DASH.match(text) else " "
            yield Piece(gap + text if before else text, cue.line)
            before = text
        end_s = cue.end_s
    if before:
        yield Piece("\n")


def _is_dense(text: str) -> bool:
    """Say whether a text ends in a script that puts no space between words."""
    return bool(text) and text[-1] >= "\u2e80"


def named_speakers(sample: str) -> frozenset[str]:
    """Return who speaks, by the beginning of a file; nobody where cues hardly ever name someone."""
    names: Counter[str] = Counter()
    num_cues = 0
    for block in _blocks(_Lines(sample)):  # type: ignore[arg-type]
        timed = _timed(block)
        if not timed or not (cue := _cue(block[timed[0] :])):
            continue
        num_cues += 1
        names.update({name for name, _ in _spoken(cue, frozenset()) if name})
    is_named = names.total() >= max(2, _MIN_SHARE_NAMED * num_cues)
    many = [name for name, count in names.items() if count > 1 or num_cues < 10]
    return frozenset(many) if is_named and len(many) > 1 else frozenset()


class _Lines:
    """The lines of a text, as a file gives them."""

    def __init__(self, text: str) -> None:
        self._lines = iter(text.splitlines(keepends=True))

    def readline(self, _limit: int) -> str:
        return next(self._lines, "")


def spoken_turns(cues: Iterable[Cue], *, speakers: frozenset[str]) -> Iterator[SpokenTurn]:
    """Yield who says what; a cue without a name goes on with the speaker before."""
    turn: _Turn | None = None
    for cue in without_repeats(cues):
        for name, words in _spoken(cue, speakers):
            begins = turn is None or (name and name != turn.speaker)
            if turn is None or begins or len(turn.words) >= _MAX_TURN_CUES:
                if turn and turn.words:
                    yield turn.finished()
                turn = _Turn(name or "?", cue.start_s, cue.line, [])
            turn.words.append(words)
    if turn and turn.words:
        yield turn.finished()


@dataclass(slots=True)
class _Turn:
    speaker: str
    start_s: float
    line: int
    words: list[str]

    def finished(self) -> SpokenTurn:
        return SpokenTurn(self.speaker, " ".join(self.words), self.start_s, self.line)


def _spoken(cue: Cue, speakers: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield who says what in a cue, "" for nobody that is named.

    Args:
        cue: the cue.
        speakers: names that count before a colon; any name, where there are none.
    """
    if any(name for name, _ in cue.voices):
        yield from cue.voices
        return
    name = ""
    words: list[str] = []
    for line in cue.lines:
        found = _NAME.match(line)
        if found and (not speakers or found[1] in speakers):
            if words:
                yield name, " ".join(words)
            name, words = found[1], []
            line = line[found.end() :]
        if line:
            words.append(line)
    if words:
        yield name, " ".join(words)
