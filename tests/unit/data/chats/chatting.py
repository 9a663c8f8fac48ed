"""Exports written by a test, and what is said in them."""

import io
import json
import zipfile
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from lumina_cli.data.chats.message import ChatMessage, ExportFile
from lumina_cli.data.chats.registry import find_messages
from lumina_cli.data.report import Location, ReadReport

NOWHERE = Location(Path("x"))


def heard(text: str, *, name: str = "x.txt") -> tuple[list[ChatMessage], ReadReport]:
    """Return the messages of an export, and the report."""
    report = ReadReport()
    read = find_messages(text, path=Path(name))
    assert read, "it is no chat that is known"
    file = ExportFile(Path(name), lambda: io.StringIO(text), lambda _: None)
    return list(read(file, report)), report


def heard_json(value: Any, *, name: str = "x.json") -> tuple[list[ChatMessage], ReadReport]:
    """Return the messages of a JSON export, and the report."""
    return heard(json.dumps(value), name=name)


def lines(messages: list[ChatMessage]) -> list[tuple[str, str]]:
    """Return who said what."""
    return [(message.speaker, message.text) for message in messages]


def hours_between(messages: list[ChatMessage]) -> list[float]:
    """Return the hours from each message to the next."""
    times = [message.time for message in messages]
    return [round((b - a) / 3600, 2) for a, b in pairwise(times) if a is not None and b is not None]


def message(
    speaker: str, text: str, time: float | None = 0.0, *, thread: str = "t", **more: Any
) -> ChatMessage:
    return ChatMessage(speaker, text, time, NOWHERE, thread, **more)


def write_zip(path: Path, members: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path
