"""Tagged text: a tag at the beginning of a line says who speaks.

    <|user|>Hello
    <|bot|>Hello! A reply may have many lines,

    and blank ones between them.
    <|user|>Thanks
    <|bot|>You are welcome.

    <|user|>Another conversation, for a blank line stands before this turn.

A message goes on until the next tag that begins a line; spaces and blank lines around it
are no part of it. A conversation ends where a blank line stands before a turn of the user,
unless only a system turn came before, and before every system turn. A tag anywhere else in
a line is text like any other; but where the bot's tags stand only inside lines, these are
read as turns, and each line that begins with a tag as a conversation.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from lumina_cli.conversation import ROLE_NAMES, Conversation, Message, Role
from lumina_cli.data.config import DataConfig
from lumina_cli.data.readers.text_files import SAMPLE_CHARS, open_text
from lumina_cli.data.report import LocatedDocument, Location, ReadReport
from lumina_cli.data.rows import MAX_ROW_CHARS
from lumina_cli.errors import DataError

_NAMES = "|".join(map(re.escape, ROLE_NAMES))
TAG = re.compile(rf"<\|({_NAMES})\|>", re.IGNORECASE)
_AROUND = " \t\n"
_BOTS = "|".join(re.escape(name) for name, role in ROLE_NAMES.items() if role == "bot")
_BOT_TAG = rf"<\|(?:{_BOTS})\|>"
_BEFORE_TAG = re.compile(rf"(?=<\|(?:{_NAMES})\|>)", re.IGNORECASE)


def documents_of_tagged_text(
    path: Path, *, config: DataConfig, report: ReadReport
) -> Iterator[LocatedDocument]:
    """Yield the conversations of a tagged text file, each with where it begins.

    Raises:
        DataError: it is not text in the encoding of `config`, or a message never ends.
    """
    with open_text(path, encoding=config.encoding) as text:
        side_by_side = is_side_by_side(text.read(SAMPLE_CHARS))
    with open_text(path, encoding=config.encoding) as text:
        yield from tagged_conversations(text, path=path, report=report, side_by_side=side_by_side)


def is_side_by_side(sample: str) -> bool:
    """Say whether the bot's turns stand in the lines of the user's, and never begin one."""
    begins_line = re.search(f"^{_BOT_TAG}", sample, re.IGNORECASE | re.MULTILINE)
    return not begins_line and bool(re.search(_BOT_TAG, sample, re.IGNORECASE))


def tagged_conversations(
    file: IO[str], *, path: Path, report: ReadReport, side_by_side: bool = False
) -> Iterator[tuple[Location, Conversation]]:
    """Yield the conversations of a tagged text, each with where it begins.

    Args:
        file: the text.
        path: its name.
        report: what is met is counted here.
        side_by_side: whether tags inside lines are tags, and each line begins anew.

    Raises:
        DataError: a message is longer than `MAX_ROW_CHARS`.
    """
    messages: list[Message] = []
    begin = Location(path)
    for turn in _turns(file, path=path, report=report, side_by_side=side_by_side):
        if messages and turn.begins_anew(after=messages[-1].role):
            yield begin, Conversation(tuple(messages))
            messages = []
        report.saw_row(path, "tagged")
        if not turn.text:
            report.skipped.add("its text is empty", turn.location)
            continue
        if not messages:
            begin = turn.location
        messages.append(Message(turn.role, turn.text))
    if messages:
        yield begin, Conversation(tuple(messages))
    if side_by_side:
        wording = (
            "turns stand side by side in one line; "
            "each line that begins with a tag is a conversation"
        )
        report.notices.add(wording, Location(path))


class _Turn:
    """A turn while its lines come in."""

    def __init__(
        self, role: Role, first: str, *, location: Location, after_blank: bool, begins: bool | None
    ) -> None:
        self.role = role
        self.location = location
        self._after_blank = after_blank
        self._begins = begins
        self._lines = [first]
        self._num_chars = len(first)

    def begins_anew(self, *, after: Role) -> bool:
        """Say whether a conversation begins here, not goes on."""
        if self._begins is not None:
            return self._begins
        if self.role == "system":
            return True
        return self._after_blank and self.role == "user" and after != "system"

    @property
    def text(self) -> str:
        return "".join(self._lines).strip(_AROUND)

    @property
    def ends_blank(self) -> bool:
        return not self._lines[-1].strip(_AROUND) and len(self._lines) > 1

    def add(self, line: str) -> None:
        self._lines.append(line)
        self._num_chars += len(line)
        if self._num_chars > MAX_ROW_CHARS:
            raise DataError(
                f"{self.location} begins a message of more than 32 million characters",
                hint="If it is plain text that only begins with a tag, use --format text.",
            )


def _turns(file: IO[str], *, path: Path, report: ReadReport, side_by_side: bool) -> Iterator[_Turn]:
    turn: _Turn | None = None
    for segment in _segments(file, side_by_side=side_by_side):
        location = Location(path, segment.line)
        text = segment.text.removeprefix("\ufeff")
        tag = TAG.match(text) if segment.may_be_tag else None
        if tag:
            ends_blank = turn is not None and turn.ends_blank
            if turn:
                yield turn
            begins = segment.begins_line if side_by_side else None
            turn = _Turn(
                ROLE_NAMES[tag[1].lower()],
                text[tag.end() :],
                location=location,
                after_blank=ends_blank,
                begins=begins,
            )
        elif turn:
            turn.add(segment.text)
        elif text.strip(_AROUND):
            report.saw_row(path, "tagged")
            report.skipped.add("it stands before the first tag", location)
    if turn:
        yield turn


class _Segment(NamedTuple):
    """A line, or what stands between two tags of one, and whether a tag may begin it."""

    text: str
    line: int
    begins_line: bool
    may_be_tag: bool


def _segments(file: IO[str], *, side_by_side: bool) -> Iterator[_Segment]:
    number, at_line_start = 1, True
    while line := file.readline(MAX_ROW_CHARS):
        parts = _BEFORE_TAG.split(line) if side_by_side else [line]
        for index, part in enumerate(filter(None, parts if parts[0] else parts[1:])):
            first = index == 0
            yield _Segment(part, number, at_line_start and first, at_line_start or not first)
        at_line_start = line.endswith("\n")
        number += at_line_start
