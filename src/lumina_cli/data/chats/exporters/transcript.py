"""Transcripts: a name and a colon before what is said, without dates.

    Anna: Hello
    Ben: Hi! A turn may have
    several lines.

    Anna: A blank line begins a new conversation, unless one stands before most turns.

    **Anna:** Hello      Anna [12:30]: Hello      [00:12:30] Anna: Hello      [12:30] <anna> Hello

Where the names are those of roles (User and Assistant, Q and A), they say who the bot is.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lumina_cli.conversation import ROLE_NAMES, Role
from lumina_cli.data.chats.app_lines import APP
from lumina_cli.data.chats.message import NO_SPEAKERS, ChatMessage, ExportFile, clean_name
from lumina_cli.data.readers.files import data_suffix
from lumina_cli.data.readers.text_files import SAMPLE_CHARS
from lumina_cli.data.report import Location, ReadReport
from lumina_cli.data.rows import MAX_ROW_CHARS
from lumina_cli.data.strip.mail_headers import begins_with_mail_header

FORMAT = "transcript"
_SUFFIXES = frozenset(["", ".txt", ".text", ".md", ".log", ".chat"])
_TIME = r"[\[(](?:\d{1,3}:)?\d{1,2}:\d{2}(?:[.,]\d{1,3})?(?:\s?[AaPp]\.?[Mm]\.?)?[\])]"
_BOLD = r"(?:\*\*|__)?"
_TURN = re.compile(
    rf"[ \t\ufeff]*(?P<mark>(?:#{{1,6}}|[-*+>])\s+)?(?:{_TIME}\s)?"
    rf"{_BOLD}(?P<name>[^\W_][^\n:<>{{}}\[\]=\"|/\\*]{{0,39}}?){_BOLD}(?:\s?{_TIME})?{_BOLD}"
    rf"\s?[:：]{_BOLD}(?:(?:\s+|(?<=：))(?P<text>\S)|\s*\Z)"
)
_IRC_TIME = rf"(?:{_TIME}|\d{{1,2}}:\d{{2}}(?::\d{{2}})?)\s"
_NICKNAME = re.compile(rf"{_IRC_TIME}<[@+%&~ ]?(?P<name>[^<>\s]{{1,40}})>\s+(?P<text>\S)")
_IRC_NOTICE = re.compile(rf"{_IRC_TIME}(?:\*{{1,3}}|-!-|-->|<--|--)\s")
_OTHERS: dict[str, Role] = {
    **dict.fromkeys(("q", "question", "you", "you said", "me"), "user"),
    **dict.fromkeys(("a", "answer", "chatgpt said", "gemini said", "claude said"), "bot"),
}
ROLES = {**ROLE_NAMES, **_OTHERS}
_NO_NAMES = NO_SPEAKERS | {"http", "https"}
_FEWEST_TURNS, _SHARE_OF_TURNS, _MOST_WORDS, _MOST_OTHERS = 4, 0.6, 4, 0.5


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
    if not forced and (data_suffix(path) not in _SUFFIXES or begins_with_mail_header(sample)):
        return None
    lines = sample.split("\n")
    if len(sample) >= SAMPLE_CHARS:
        lines.pop()  # it may be cut
    turns = [(index, found.name) for index, line in enumerate(lines) if (found := _found(line))]
    names = Counter(name for _, name in turns)
    is_first = next((_found(line) is not None for line in lines if line.strip("\ufeff \t")), False)
    if not is_first or (len(names) < 2 and not forced):
        return None
    if has_roles := _are_roles(names):
        turns = [(index, name) for index, name in turns if name.lower() in ROLES]
        names = Counter(name for _, name in turns)
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
            if found is None and _IRC_NOTICE.match(line):
                report.left_out.add(APP, Location(file.path, number), example=line.strip()[:80])
                continue
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
    if found := _found(line):
        return found if not script.has_roles or found.name.lower() in ROLES else None
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


def _found(line: str) -> _Found | None:
    """Return who begins to speak with a line; of headings and names alone, only roles do."""
    match = _TURN.match(line) or _NICKNAME.match(line)
    name = clean_name(match["name"]) if match else ""
    if match is None or name.lower() in _NO_NAMES or len(name.split()) > _MOST_WORDS:
        return None
    text = line[match.start("text") :] if match["text"] else ""
    is_plain = bool(text) and not match.groupdict().get("mark")
    return _Found(name, text) if name and (is_plain or name.lower() in ROLES) else None


def _are_roles(names: Counter[str]) -> bool:
    """Say whether a user and a bot speak, and hardly anything else stands before a colon."""
    roles = {name: role for name in names if (role := ROLES.get(name.lower()))}
    num_others = names.total() - sum(names[name] for name in roles)
    return len(roles) == len(names) or (
        {"user", "bot"} <= set(roles.values()) and num_others <= _MOST_OTHERS * names.total()
    )


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
