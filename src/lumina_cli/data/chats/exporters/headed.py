"""Texts in which a line of its own stands above each message: QQ, Zoom and imessage-exporter.

    2021-01-23 9:05:00 PM Anna(10001)   21:05:00 From Anna to Everyone:   Jan 23, 2021  9:05:00 PM
    Hello                                   Hello                         Anna
                                                                          Hello

In older chats of Zoom, and in those kept in its cloud, the text stands in the same line.
"""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

from lumina_cli.data.chats.app_lines import APP, DELETED, EMPTY, MEDIA, is_deleted
from lumina_cli.data.chats.message import (
    MAX_MESSAGE_CHARS,
    TOO_LONG,
    ChatMessage,
    ExportFile,
    clean_name,
)
from lumina_cli.data.chats.stamps import Clock, Stamp, parse_stamp
from lumina_cli.data.readers.text_files import SAMPLE_CHARS
from lumina_cli.data.report import Location, ReadReport

FORMATS = frozenset(["qq", "zoom", "imessage"])

_STAMPS_TRIED = 1000
_MAY_BEGIN = re.compile(
    r"^\ufeff?(?:\d{4}-\d\d-\d\d \d|\d\d?:\d\d:\d\d[ \t]|[A-Z][a-z]{2} \d\d, \d{4} )", re.MULTILINE
)
_QQ = re.compile(
    r"(?P<stamp>\d{4}-\d{2}-\d{2} \d{1,2}:\d{2}:\d{2}(?: [AP]M)?) (?:【[^】\n]{1,20}】)?"
    r"(?P<name>[^\n]{0,100}?)(?:\((?P<id>\d{4,12})\)|<(?P<mail>[^<>\s]{3,80})>)\s*"
)
_QQ_HEADING = re.compile(r"={20,}|消息(?:分组|对象)[:：].*|消息记录（.*）")
_QQ_SYSTEM = frozenset(["10000", "1000000"])
_QQ_MEDIA = re.compile(r"(?:\[(?:图片|表情|闪照|视频|语音|文件|动画表情)\]\s*)+")
_QQ_RECALLED = re.compile(r"[^\n]{0,100}撤回了一条消息[^\n]{0,40}")
_ZOOM = re.compile(
    r"(?P<stamp>\d{1,2}:\d{2}:\d{2})(?:\t ?| )From\s{1,2}(?P<name>[^\n]{1,100}?)"
    r"(?:\s{1,2}[Tt]o\s{1,2}[^\n:]{1,100}?)?\s{0,2}:(?:\s+(?P<text>[^\n]*))?\s*"
)
_ZOOM_CLOUD = re.compile(
    r"(?P<stamp>\d{1,2}:\d{2}:\d{2})\t(?P<name>[^\t\n:]{1,100}):\t(?P<text>[^\n]*)\s*"
)
_ZOOM_APP = re.compile(r'(?:Reacted to ".*" with \S+|Removed a \S+ reaction from ".*")', re.DOTALL)
_ZOOM_REPLY = re.compile(r'Replying to "[^\n]*"\s*\n')
_IMESSAGE = re.compile(
    r"(?P<indent> *)(?P<stamp>[A-Z][a-z]{2} \d{2}, \d{4} [ \d]\d:\d{2}:\d{2} [AP]M)"
    r"(?: \(Read by [^\n]*\))?(?P<app>:? \S[^\n]*)?\s*"
)
_IMESSAGE_FILE = re.compile(r"(?:[/~]|[A-Z]:\\|attachments/)[^\n]*\.\w{2,5}|Attachment missing!")
_IMESSAGE_REPLY = "This message responded to an earlier message."
_IMESSAGE_GONE = re.compile(
    r"This message was deleted from the conversation!|\S+ unsent this message part\b.*"
)
_IMESSAGE_EDIT = re.compile(r"Edited [^\n]{1,60}? later: ")
_IMESSAGE_EFFECT = re.compile(r"Sent with [A-Z][A-Za-z ]{2,20}")


class _Head(NamedTuple):
    """The line above a message: who, when, what of the text stands in it; app's without a name."""

    name: str
    stamp: str
    text: str = ""


class _Block(NamedTuple):
    """A message with its lines."""

    head: _Head
    lines: list[str]
    location: Location
    thread: str


class _Form(NamedTuple):
    """How one program writes.

    Args:
        format: the program.
        head_of: finds the head in a line and the next one; how many lines it takes.
        said: returns what a person said in the lines of a message, and what is left out.
    """

    format: str
    head_of: Callable[[str, str], tuple[_Head, int] | None]
    said: Callable[[list[str]], tuple[str, list[str]]]


def find_form(sample: str) -> _Form | None:
    """Return how messages are written in a text, or None where it is none of these."""
    if not _MAY_BEGIN.search(sample):
        return None
    lines = sample.lstrip("\ufeff").split("\n")
    for form in _FORMS:
        heads = [found[0] for at in range(len(lines)) if (found := form.head_of(*_pair(lines, at)))]
        names = [head.name for head in heads if head.name]
        if len(names) >= 2 or (len(names) == 1 and len(lines) <= 6):
            return form
    return None


def messages(file: ExportFile, report: ReadReport) -> Iterator[ChatMessage]:
    """Yield the messages of a file; what nobody said is counted in the report."""
    with file.open() as text:
        form = find_form(text.read(SAMPLE_CHARS))
    assert form, "the file was recognised"
    with file.open() as text:
        blocks = islice(_blocks(text, form, path=file.path, report=ReadReport()), _STAMPS_TRIED)
        clock = Clock.learn([stamp for each in blocks if (stamp := _stamp(each.head.stamp))])
    with file.open() as text:
        for block in _blocks(text, form, path=file.path, report=report):
            report.saw_row(file.path, form.format)
            if not block.head.name:
                report.left_out.add(APP, block.location, example=block.head.text[:80])
                continue
            said, left_out = form.said([*filter(None, [block.head.text]), *block.lines])
            for wording in left_out or ([] if said else [EMPTY]):
                report.left_out.add(wording, block.location)
            if said:
                stamp = _stamp(block.head.stamp)
                time = clock.seconds(stamp) if stamp else _seconds(block.head.stamp)
                name = clean_name(block.head.name)
                yield ChatMessage(name, said, time, block.location, block.thread)


def _pair(lines: list[str], at: int) -> tuple[str, str]:
    return lines[at], lines[at + 1] if at + 1 < len(lines) else ""


def _stamp(text: str) -> Stamp | None:
    return parse_stamp(" ".join(text.split())) if len(text) > len("00:00:00") else None


def _seconds(text: str) -> float:
    """Return the time of day, or since a meeting began."""
    hours, minutes, seconds = map(int, text.split(":"))
    return 3600.0 * hours + 60 * minutes + seconds


def _blocks(text: IO[str], form: _Form, *, path: Path, report: ReadReport) -> Iterator[_Block]:
    """Yield each head with the lines below it."""
    block: _Block | None = None
    thread, number, num_chars = str(path), 0, 0
    may_begin = True
    line = text.readline(MAX_MESSAGE_CHARS).lstrip("\ufeff")
    while line:
        number += 1
        after = text.readline(MAX_MESSAGE_CHARS)
        found = form.head_of(line.rstrip("\n"), after.rstrip("\n")) if may_begin else None
        may_begin = form.format != "imessage" or not line.strip()  # edits repeat the date
        is_heading = form.format == "qq" and _QQ_HEADING.fullmatch(line.rstrip("\n"))
        if (found or is_heading) and block:
            yield block
            block = None
        if is_heading:
            thread = f"{path}: {line}" if line.startswith("消息对象") else thread
        elif found:
            head, num_lines = found
            block = _Block(head, [], Location(path, number), thread)
            num_chars = 0
            if num_lines == 2:
                number += 1
                after = text.readline(MAX_MESSAGE_CHARS)
        elif block and num_chars < MAX_MESSAGE_CHARS:
            block.lines.append(line.rstrip("\n"))
            num_chars += len(line)
        elif block:
            report.left_out.add(TOO_LONG, Location(path, number))
        elif line.strip():
            report.left_out.add("a line before the first message", Location(path, number))
        line = after
    if block:
        yield block


def _head_of_qq(line: str, _: str) -> tuple[_Head, int] | None:
    match = _QQ.fullmatch(line) if line[:2].isdecimal() else None
    if match is None:
        return None
    is_system = match["id"] in _QQ_SYSTEM
    name = "" if is_system else match["name"].strip() or match["id"] or match["mail"]
    return _Head(name, match["stamp"]), 1


def _said_in_qq(lines: list[str]) -> tuple[str, list[str]]:
    text = "\n".join(lines).strip()
    if _QQ_RECALLED.fullmatch(text) or is_deleted(text):
        return "", [DELETED]
    return ("", [MEDIA]) if _QQ_MEDIA.fullmatch(text) else (text, [])


def _head_of_zoom(line: str, _: str) -> tuple[_Head, int] | None:
    match = (_ZOOM.fullmatch(line) or _ZOOM_CLOUD.fullmatch(line)) if line[:1].isdecimal() else None
    return (_Head(match["name"].strip(), match["stamp"], match["text"] or ""), 1) if match else None


def _said_in_zoom(lines: list[str]) -> tuple[str, list[str]]:
    text = "\n".join(line.removeprefix("\t").removeprefix("    ") for line in lines).strip()
    if _ZOOM_APP.fullmatch(text):
        return "", [APP]
    return _ZOOM_REPLY.sub("", text, count=1).strip(), []


def _head_of_imessage(line: str, after: str) -> tuple[_Head, int] | None:
    match = _IMESSAGE.fullmatch(line)
    if match is None or match["indent"]:
        return None
    if match["app"]:
        return _Head("", match["stamp"], match["app"].strip(": ")), 1
    return (_Head(after, match["stamp"]), 2) if after.strip() and after[:1] != " " else None


def _said_in_imessage(lines: list[str]) -> tuple[str, list[str]]:
    said: list[str] = []
    left_out = []
    for line in lines:
        if line == "Tapbacks:" or (line[:1] == " " and _IMESSAGE.fullmatch(line)):
            break  # replies stand once more where they were written
        if _IMESSAGE_GONE.fullmatch(line):
            return "", [DELETED]
        if _IMESSAGE_FILE.fullmatch(line):
            left_out.append(MEDIA)
        elif edit := _IMESSAGE_EDIT.match(line):
            said = [line[edit.end() :]]
        elif line != _IMESSAGE_REPLY and not _IMESSAGE_EFFECT.fullmatch(line):
            said.append(line)
    return "\n".join(said).strip(), left_out


_FORMS = (
    _Form("qq", _head_of_qq, _said_in_qq),
    _Form("zoom", _head_of_zoom, _said_in_zoom),
    _Form("imessage", _head_of_imessage, _said_in_imessage),
)
