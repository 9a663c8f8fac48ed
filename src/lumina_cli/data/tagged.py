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
a line is text like any other.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from lumina_cli.conversation import ROLE_NAMES, Conversation, Message, Role
from lumina_cli.data.json_elements import MAX_ROW_CHARS
from lumina_cli.data.report import Place, ReadReport
from lumina_cli.errors import DataError

TAG = re.compile(rf"<\|({'|'.join(ROLE_NAMES)})\|>", re.IGNORECASE)
_AROUND = " \t\n"


def tagged_conversations(
    file: IO[str], *, path: Path, report: ReadReport
) -> Iterator[tuple[Place, Conversation]]:
    """Yield the conversations of a tagged text, each with where it begins.

    Raises:
        DataError: a message grows beyond all reason.
    """
    messages: list[Message] = []
    begin = Place(path)
    for turn in _turns(file, path=path, report=report):
        if messages and turn.begins_anew(after=messages[-1].role):
            yield begin, Conversation(tuple(messages))
            messages = []
        report.saw_row(path, "tagged")
        if not turn.text:
            report.skipped.add("its text is empty", turn.place)
            continue
        if not messages:
            begin = turn.place
        messages.append(Message(turn.role, turn.text))
    if messages:
        yield begin, Conversation(tuple(messages))


class _Turn:
    """A turn while its lines come in."""

    def __init__(self, role: Role, first: str, *, place: Place, after_blank: bool) -> None:
        self.role = role
        self.place = place
        self._after_blank = after_blank
        self._lines = [first]
        self._num_chars = len(first)

    def begins_anew(self, *, after: Role) -> bool:
        """Say whether a conversation begins here, not goes on."""
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
                f"{self.place} begins a message of more than 32 million characters",
                hint="If it is plain text that only begins with a tag, use --format text.",
            )


def _turns(file: IO[str], *, path: Path, report: ReadReport) -> Iterator[_Turn]:
    turn: _Turn | None = None
    number, at_line_start = 1, True
    while line := file.readline(MAX_ROW_CHARS):
        place = Place(path, number)
        tag = TAG.match(line.removeprefix("\ufeff")) if at_line_start else None
        at_line_start = line.endswith("\n")
        number += at_line_start
        if tag:
            role = ROLE_NAMES[tag[1].lower()]
            after_blank = turn is not None and turn.ends_blank
            if turn:
                yield turn
            rest = line.removeprefix("\ufeff")[tag.end() :]
            turn = _Turn(role, rest, place=place, after_blank=after_blank)
        elif turn:
            turn.add(line)
        elif line.strip(_AROUND + "\ufeff"):
            report.saw_row(path, "tagged")
            report.skipped.add("it stands before the first tag", place)
    if turn:
        yield turn
