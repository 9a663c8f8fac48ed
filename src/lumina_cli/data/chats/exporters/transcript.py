"""Transcripts: a name and a colon before what is said, without dates.

    Anna: Hello
    Ben: Hi! A turn may have
    several lines.

    Anna: A blank line begins a new conversation, unless one stands before most turns.

    **Anna:** Hello      Anna [12:30]: Hello      [00:12:30] Anna: Hello

Where the names are those of roles (User and Assistant, Q and A), they say who the bot is.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lumina_cli.conversation import ROLE_NAMES, Role
from lumina_cli.data.chats.message import NO_SPEAKERS, ChatMessage, ExportFile, clean_name
from lumina_cli.data.readers.files import data_suffix
from lumina_cli.data.readers.text_files import SAMPLE_CHARS
from lumina_cli.data.report import Location, ReadReport
from lumina_cli.data.rows import MAX_ROW_CHARS

FORMAT = "transcript"
_SUFFIXES = frozenset(["", ".txt", ".text", ".md", ".log", ".chat"])
_TIME = r"[\[(](?:\d{1,3}:)?\d{1,2}:\d{2}(?:[.,]\d{1,3})?(?:\s?[AaPp]\.?[Mm]\.?)?[\])]"
_BOLD = r"(?:\*\*|__)?"
_TURN = re.compile(
    rf"[ \t\ufeff]*(?:{_TIME}\s)?{_BOLD}(?P<name>[^\W_][^\n:<>{{}}\[\]=\"|/\\*]{{0,39}}?){_BOLD}"
    rf"(?:\s?{_TIME})?{_BOLD}\s?[:：]{_BOLD}(?:\s+|(?<=：))(?=\S)"
)
_QA: dict[str, Role] = {"q": "user", "question": "user", "a": "bot", "answer": "bot"}
ROLES = {**ROLE_NAMES, **_QA}
_NO_NAMES = NO_SPEAKERS | {"http", "https"}
_FEWEST_TURNS, _SHARE_OF_TURNS, _MOST_WORDS = 4, 0.6, 4


class Script(NamedTuple):
    """Who speaks in a transcript, and whether a blank line begins a new conversation."""

    names: frozenset[str]
    has_roles: bool
    blank_divides: bool


def find_script(sample: str, *, path: Path, forced: bool = False) -> Script | None:
    """Return who speaks in a text, or None where it is no transcript.

    Args:
        sample: its beginning.
        path: its name.
        forced: whether the settings say that it is one.
    """
    if not forced and data_suffix(path) not in _SUFFIXES:
        return None
    lines = sample.split("\n")
    if len(sample) >= SAMPLE_CHARS:
        lines.pop()  # it may be cut
    turns = [(index, name) for index, line in enumerate(lines) if (name := _name_of(line))]
    names = Counter(name for _, name in turns)
    is_first = next((bool(_name_of(line)) for line in lines if line.strip("\ufeff \t")), False)
    if not is_first or (len(names) < 2 and not forced):
        return None
    has_roles = all(name.lower() in ROLES for name in names)
    num_lines = sum(bool(line.strip()) for line in lines)
    if not (has_roles or forced or _looks_like_people(names, num_lines=num_lines)):
        return None
    after_blank = sum(index > 0 and not lines[index - 1].strip() for index, _ in turns)
    return Script(frozenset(names), has_roles, blank_divides=2 * after_blank < len(turns))


def messages(file: ExportFile, report: ReadReport) -> Iterator[ChatMessage]:
    """Yield the turns of a transcript."""
    with file.open() as text:
        script = find_script(text.read(SAMPLE_CHARS), path=file.path, forced=True)
    if script is None:
        return
    name, lines, location, begins = "", [""], Location(file.path), False
    is_blank, number = False, 0
    with file.open() as text:
        while line := text.readline(MAX_ROW_CHARS):
            number += 1
            found = _known_name(line, script)
            if found is None:
                is_blank = not line.strip()
                lines.append(line)
                continue
            if name:
                yield from _turn(name, lines, location, script, begins=begins, report=report)
            begins = is_blank and script.blank_divides
            name, location, is_blank = found.name, Location(file.path, number), False
            lines = [found.text]
        if name:
            yield from _turn(name, lines, location, script, begins=begins, report=report)


class _Found(NamedTuple):
    name: str
    text: str


def _known_name(line: str, script: Script) -> _Found | None:
    """Return the speaker and the text of a line that begins a turn."""
    if name := _name_of(line):
        match = _TURN.match(line)
        assert match
        return _Found(name, line[match.end() :])
    bare = clean_name(line.strip().removesuffix(":"))
    return _Found(bare, "") if line.rstrip().endswith(":") and bare in script.names else None


def _turn(
    name: str,
    lines: list[str],
    location: Location,
    script: Script,
    *,
    begins: bool,
    report: ReadReport,
) -> Iterator[ChatMessage]:
    report.saw_row(location.path, FORMAT)
    text = "".join(lines).strip(" \t\n")
    if not text:
        report.left_out.add("a turn without text", location)
        return
    role = ROLES.get(name.lower()) if script.has_roles else None
    yield ChatMessage(name, text, None, location, str(location.path), role=role, begins=begins)


def _name_of(line: str) -> str:
    match = _TURN.match(line)
    name = clean_name(match["name"]) if match else ""
    if name.lower() in _NO_NAMES or len(name.split()) > _MOST_WORDS:
        return ""
    return name


def _looks_like_people(names: Counter[str], *, num_lines: int) -> bool:
    """Say whether names come again and again, as people who talk, and begin most lines."""
    num_turns = names.total()
    again = sum(count > 1 for count in names.values())
    return (
        num_turns >= _FEWEST_TURNS
        and num_turns >= _SHARE_OF_TURNS * num_lines
        and again >= 2
        and len(names) <= max(2, num_turns // 3)
    )
