"""The cues of subtitles (SubRip and WebVTT): lines and times, without numbers, places and tags.

Captions that roll, as programs make them, show each line two or three times (`without_repeats`).
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from lumina_cli.data.readers.documents.markup import unescape
from lumina_cli.data.report import Location, ReadReport

PAUSE_S = 3.0
"""A line ends where nothing is said for so long."""

_MAX_LINE_CHARS = 1 << 16
_MAX_BLOCK_LINES = 1000
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
_VTT_BLOCKS = ("WEBVTT", "NOTE", "STYLE", "REGION", "X-TIMESTAMP-MAP")


class Cue(NamedTuple):
    """A text that is shown for a time, its lines without tags."""

    lines: list[str]
    start_s: float
    end_s: float
    line: int
    voices: list[tuple[str, str]]
    has_word_times: bool


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
