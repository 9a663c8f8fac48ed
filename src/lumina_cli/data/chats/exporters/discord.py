"""Discord: JSON, CSV and plain text of DiscordChatExporter.

{"guild": {…}, "channel": {…}, "messages": [
  {"id": "1", "type": "Default", "timestamp": "2021-01-23T21:05:33.1+00:00", "content": "Hi",
   "author": {"id": "7", "name": "ben", "nickname": "Ben", "isBot": false}, "attachments": []}]}

AuthorID,Author,Date,Content,Attachments,Reactions
"7","ben#0","2021-01-23T21:05:33.1000000+00:00","Hi","",""

==============================================================
Guild: A server
Channel: General / hello
==============================================================

[01/23/2021 9:05 PM] ben
Hi

{Attachments}
https://…
"""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import IO, Any, NamedTuple

from lumina_cli.data.chats.app_lines import APP, CALL, EMPTY, MEDIA
from lumina_cli.data.chats.json_stream import Item, items
from lumina_cli.data.chats.message import (
    MAX_MESSAGE_CHARS,
    TOO_LONG,
    ChatMessage,
    ExportFile,
    clean_name,
)
from lumina_cli.data.chats.stamps import Clock, iso_seconds, parse_stamp
from lumina_cli.data.chats.table import names_of, rows_of
from lumina_cli.data.report import Location, ReadReport

FORMAT = "discord"
_SAID = frozenset(["Default", "Reply", "0", "ChatInputCommand", "ContextMenuCommand"])
_FIRST_NUMBER_SAID = 19
"""Kinds without a name are written as numbers: 1 to 18 are notices of the program."""

_COLUMNS = ("author", "date", "content")
_MEDIA_KEYS = ("attachments", "stickers", "embeds", "components", "poll")
_ROWS_TRIED = 400

_RULE = "=" * 62
_HEADING = re.compile(r"\[(?P<date>[^\[\]\n]{8,60})\] (?P<name>[^\n]+?)(?: \(pinned\))?\n?")
_MORE = re.compile(r"\{(?:Attachments|Embed|Stickers|Reactions)\}\n?")
_NOTICE = re.compile(
    r"Joined the server\.|Pinned a message\.|Left the group\.|Started a thread\."
    r"|Changed the channel .*|(?:Added|Removed) .* (?:to|from) the group\."
    r"|(?P<call>Started a call that lasted .*)"
)


def matches(sample: list[Item]) -> bool:
    """Say whether the first items of a JSON text are those of this export."""
    top = {item.keys[0] for item in sample if item.keys}
    return {"guild", "channel"} <= top or any(_is_message(item.value) for item in sample[:50])


def matches_csv(sample: str) -> bool:
    """Say whether a text begins with the heading of this export."""
    names = names_of(sample.partition("\n")[0])
    return names[:1] == ["authorid"] and set(_COLUMNS) <= set(names)


def matches_text(sample: str) -> bool:
    """Say whether a text begins as this export does."""
    return sample.startswith(f"{_RULE}\nGuild: ")


def messages(file: ExportFile, report: ReadReport) -> Iterator[ChatMessage]:
    """Yield the messages of a JSON export; what nobody said is counted in the report."""
    with file.open() as text:
        for item in items(text, path=file.path, report=report):
            if item.keys[-1:] == ("messages",) and isinstance(item.value, dict):
                report.saw_row(file.path, FORMAT)
                location = Location(file.path, item.line)
                yield from _message(item.value, location, report=report)


def messages_of_csv(file: ExportFile, report: ReadReport) -> Iterator[ChatMessage]:
    """Yield the messages of a CSV export; what nobody said is counted in the report."""
    with file.open() as text:
        rows = rows_of(text, file, ReadReport(), columns=_COLUMNS)
        found = (parse_stamp(row["date"]) for row, _ in islice(rows, _ROWS_TRIED))
        clock = Clock.learn([stamp for stamp in found if stamp])
    with file.open() as text:
        for row, location in rows_of(text, file, report, columns=_COLUMNS):
            report.saw_row(file.path, FORMAT)
            if row.get("attachments"):
                report.left_out.add(MEDIA, location)
            elif not row["content"].strip():
                report.left_out.add(EMPTY, location)
            if row["content"].strip():
                stamp = parse_stamp(row["date"])
                time = clock.seconds(stamp) if stamp else iso_seconds(row["date"])
                speaker = clean_name(row["author"].removesuffix("#0").removesuffix("#0000"))
                text_said = row["content"].strip()
                yield ChatMessage(speaker, text_said, time, location, str(file.path))


def _is_message(value: object) -> bool:
    if not isinstance(value, dict) or not isinstance(author := value.get("author"), dict):
        return False
    return "content" in value and "timestamp" in value and "name" in author


def _message(
    record: Mapping[str, Any], location: Location, *, report: ReadReport
) -> Iterator[ChatMessage]:
    kind, text = str(record.get("type", "Default")), record.get("content")
    if not _is_said(kind):
        wording = CALL if kind == "Call" else APP
        report.left_out.add(wording, location, example=kind[:80])
        return
    text = text.strip() if isinstance(text, str) else ""
    forwarded = record.get("forwardedMessage")
    if not text and isinstance(forwarded, dict) and isinstance(forwarded.get("content"), str):
        text = forwarded["content"].strip()
    if any(record.get(key) for key in _MEDIA_KEYS):
        report.left_out.add(MEDIA, location)
    elif not text:
        report.left_out.add(EMPTY, location)
    author = record.get("author")
    name = (author.get("nickname") or author.get("name")) if isinstance(author, dict) else None
    if text:
        speaker, time = clean_name(str(name or "?")), iso_seconds(record.get("timestamp"))
        yield ChatMessage(speaker, text, time, location, str(location.path))


def _is_said(kind: str) -> bool:
    return kind in _SAID or (kind.isdecimal() and int(kind) >= _FIRST_NUMBER_SAID)


class _Block(NamedTuple):
    """A message of a plain text: its date, who wrote it, and its lines."""

    date: str
    name: str
    lines: list[str]
    location: Location


def messages_of_text(file: ExportFile, report: ReadReport) -> Iterator[ChatMessage]:
    """Yield the messages of a plain text; what nobody said is counted in the report."""
    with file.open() as text:
        blocks = islice(_blocks(text, file, ReadReport()), _ROWS_TRIED)
        dates = (parse_stamp(each.date) for each in blocks)
        clock = Clock.learn([stamp for stamp in dates if stamp])
    with file.open() as text:
        for date, name, lines, location in _blocks(text, file, report):
            report.saw_row(file.path, FORMAT)
            more = next((at for at, line in enumerate(lines) if _MORE.fullmatch(line)), len(lines))
            said = "".join(lines[:more]).strip()
            if notice := _NOTICE.fullmatch(said):
                report.left_out.add(CALL if notice["call"] else APP, location, example=said[:80])
                continue
            if any(_MORE.fullmatch(line) and line[:2] != "{R" for line in lines):
                report.left_out.add(MEDIA, location)
            elif not said:
                report.left_out.add(EMPTY, location)
            if said:
                stamp = parse_stamp(date)
                time = clock.seconds(stamp) if stamp else None
                speaker = clean_name(re.sub("#0(?:000)?$", "", name))
                yield ChatMessage(speaker, said, time, location, str(file.path))


def _blocks(text: IO[str], file: ExportFile, report: ReadReport) -> Iterator[_Block]:
    """Yield the messages with all their lines; the heading and the end of the file are none."""
    block: _Block | None = None
    after_blank, number, num_chars = False, 0, 0
    while (line := text.readline(MAX_MESSAGE_CHARS)) and not (block and line.rstrip() == _RULE):
        number += 1
        found = _HEADING.fullmatch(line) if after_blank and line[0] == "[" else None
        if found and parse_stamp(found["date"]):
            if block:
                yield block
            block = _Block(found["date"], found["name"], [], Location(file.path, number))
            num_chars = 0
        elif block and num_chars < MAX_MESSAGE_CHARS:
            block.lines.append(line)
            num_chars += len(line)
        elif block:
            report.left_out.add(TOO_LONG, Location(file.path, number))
        after_blank = not line.strip()
    if block:
        yield block
