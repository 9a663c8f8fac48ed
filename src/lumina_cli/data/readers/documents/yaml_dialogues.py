"""Dialogues in YAML, as ChatterBot keeps its corpora: lists of what two say in turn.

categories:
- greetings
conversations:
- - Hello
  - Hi!
- - How are you?
  - I am fine.

The file is read as a stream of events, never as objects: nothing in it can be made or run, aliases
stand for short texts only, and memory holds one conversation. Scalars are the text that stands
there: "1963" and "Yes" are no number and no truth.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from lumina_cli.conversation import Conversation, Message
from lumina_cli.data.config import DataConfig
from lumina_cli.data.readers.text_files import open_text
from lumina_cli.data.report import LocatedDocument, Location, ReadReport
from lumina_cli.data.rows import MAX_ROW_CHARS
from lumina_cli.errors import DataError

KEY = "conversations"
MAX_DEPTH = 100
MAX_ALIAS_CHARS = 1000
MAX_ANCHORS = 1000
MAX_TURNS = 100_000
_METADATA = ("categories", "category", "language", "name", "version")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = ("", "~", "null", "Null", "NULL")


def documents_of_yaml(
    path: Path, *, config: DataConfig, report: ReadReport
) -> Iterator[LocatedDocument]:
    """Yield the conversations of a file.

    Raises:
        DataError: it is not YAML, or nested without end.
    """
    with open_text(path, encoding=config.encoding) as file:
        events = _Events(_Limited(file, path), path)
        try:
            yield from _documents(events, path=path, report=report)
        except yaml.YAMLError as error:
            raise _not_yaml(path, error) from error


class _Limited:
    """A text that is handed on in chunks; YAML without an end of line is refused."""

    def __init__(self, file: Any, path: Path) -> None:
        self._file = file
        self._path = path
        self._since_line_end = 0

    def read(self, num_chars: int = 1 << 14) -> str:
        chunk: str = self._file.read(num_chars)
        end = chunk.rfind("\n")
        self._since_line_end = (
            self._since_line_end + len(chunk) if end < 0 else len(chunk) - end - 1
        )
        if self._since_line_end > MAX_ROW_CHARS:
            raise DataError(f"{self._path} has a line of more than 32 million characters")
        return chunk


class _Events:
    """The events of a file, the texts of its anchors, and how deep it is nested."""

    def __init__(self, file: _Limited, path: Path) -> None:
        self._events = iter(yaml.parse(file, Loader=_LOADER))
        self._path = path
        self._depth = 0
        self._anchors: dict[str, str] = {}
        self.line = 0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        event = next(self._events)
        self.line = event.start_mark.line + 1
        if isinstance(event, yaml.CollectionStartEvent):
            self._depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            self._depth -= 1
        if self._depth > MAX_DEPTH:
            raise DataError(f"{self._path}:{self.line} is nested more than {MAX_DEPTH} deep")
        if isinstance(event, yaml.ScalarEvent) and event.anchor:
            self._remember(event.anchor, event.value)
        return event

    def _remember(self, anchor: str, text: str) -> None:
        if len(self._anchors) < MAX_ANCHORS and len(text) <= MAX_ALIAS_CHARS:
            self._anchors[anchor] = text

    def text_of(self, event: Any) -> str | None:
        """Return the text of a scalar, or of one that an alias stands for; None for others."""
        if isinstance(event, yaml.ScalarEvent):
            is_null = event.style is None and event.value in _NULLS
            return "" if is_null else str(event.value)
        if isinstance(event, yaml.AliasEvent):
            return self._anchors.get(event.anchor)
        return None

    def skip(self, event: Any) -> int:
        """Go to the end of what begins with `event`; return how many texts are in it."""
        depth, num_texts = 0, 0
        while True:
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            num_texts += bool(self.text_of(event))
            if depth == 0:
                return num_texts
            event = next(self)


def _documents(events: _Events, *, path: Path, report: ReadReport) -> Iterator[LocatedDocument]:
    found = False
    for event in events:
        if not isinstance(event, yaml.DocumentStartEvent):
            continue
        top = next(events)
        if not isinstance(top, yaml.MappingStartEvent):
            events.skip(top)
            continue
        while not isinstance(key := next(events), yaml.MappingEndEvent):
            name = events.text_of(key)
            if name is None:
                events.skip(key)
            value = next(events)
            if name == KEY and isinstance(value, yaml.SequenceStartEvent):
                found = True
                yield from _conversations(events, path=path, report=report)
            elif (num_texts := events.skip(value)) and name not in _METADATA:
                wording = f"there is text under {(name or '')[:40]!r}, which is not read"
                location = Location(path, events.line)
                report.notices.add(wording, location, count=num_texts)
    if not found:
        report.left_out.add(f"YAML without a list of {KEY}", Location(path))


def _conversations(events: _Events, *, path: Path, report: ReadReport) -> Iterator[LocatedDocument]:
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        location = Location(path, events.line)
        report.saw_row(path, "yaml")
        if not isinstance(event, yaml.SequenceStartEvent):
            events.skip(event)
            report.skipped.add("a conversation is no list of turns", location)
            continue
        turns = list(_turns(events, path=path, report=report))
        if turns:
            messages = [
                Message("bot" if index % 2 else "user", text) for index, text in enumerate(turns)
            ]
            yield location, Conversation(tuple(messages))
        else:
            report.left_out.add("a conversation without turns", location)


def _turns(events: _Events, *, path: Path, report: ReadReport) -> Iterator[str]:
    """Yield what is said; an empty turn ends the list, for user and bot speak in turn."""
    num_turns, is_open = 0, True
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        location = Location(path, events.line)
        text = events.text_of(event)
        if text is None:
            text = _pair(events, event)
            wording = "a turn with a colon is no text to YAML; it is read as it stands"
            if text is None:
                wording = "a turn is no text, nor are those behind it read"
            report.notices.add(wording, location, example=(text or "")[:40])
        num_turns += 1
        if num_turns > MAX_TURNS:
            raise DataError(f"{location} has more than {MAX_TURNS:,} turns in one conversation")
        if is_open and text and text.strip():
            yield text.strip("\n")
        elif is_open:
            is_open = False
            report.left_out.add("an empty turn, and those behind it", location)


def _pair(events: _Events, event: Any) -> str | None:
    """Return "key: value" for an object of one text; what else begins here is skipped."""
    if not isinstance(event, yaml.MappingStartEvent):
        events.skip(event)
        return None
    texts: list[str | None] = []
    while not isinstance(inner := next(events), yaml.MappingEndEvent):
        text = events.text_of(inner)
        if text is None:
            events.skip(inner)
        if len(texts) <= 2:
            texts.append(text)
    if len(texts) != 2 or texts[0] is None or texts[1] is None:
        return None
    return f"{texts[0]}: {texts[1]}".rstrip()


def _not_yaml(path: Path, error: yaml.YAMLError) -> DataError:
    mark = getattr(error, "problem_mark", None)
    problem = (
        getattr(error, "problem", None) or getattr(error, "reason", None) or "it can't be read"
    )
    where = f"{path}:{mark.line + 1}" if mark else str(path)
    return DataError(
        f"{where} is not YAML: {str(problem)[:120]}",
        hint="Quote a text that begins with a sign; --format text reads the file as it is.",
    )
