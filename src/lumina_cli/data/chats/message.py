"""What every export becomes before it is a conversation: messages, one after the other."""

import re
import unicodedata
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from lumina_cli.conversation import Role
from lumina_cli.data.report import Location

_INVISIBLE = re.compile("[\u061c\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Marks of direction and joiners: a program puts them around names and numbers."""

_TYPED = str.maketrans("ı\u2010\u2019", "i-'")

MAX_NAME_CHARS = 80
MAX_MESSAGE_CHARS = 1_000_000
TOO_LONG = "a message is longer than a million characters; the rest of it is left out"

NO_SPEAKERS = frozenset(
    ["debug", "info", "warning", "warn", "error", "fatal", "critical", "trace", "note", "notice"]
)
"""What stands before a colon in the logs of programs, in lower case."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """What one person said at one time.

    Args:
        speaker: the name as the export writes it, cleaned by `clean_name`.
        text: what was said; never blank.
        time: in seconds, from any beginning that is the same for a thread; None if unknown.
        location: where it begins.
        thread: which chat of several that may stand side by side in one export.
        role: where the name tells it, as "User" and "Assistant" do; None for people.
        begins: whether the export itself begins a new conversation here.
    """

    speaker: str
    text: str
    time: float | None
    location: Location
    thread: str
    role: Role | None = None
    begins: bool = False


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A file of an export, on disk or in an archive.

    Args:
        path: its name, for reports.
        open: opens it as text, as often as it is called.
        beside: returns another file of the same export by its path from this one, or None.
        cache: what exporters know of the whole export, such as its members by id.
    """

    path: Path
    open: Callable[[], AbstractContextManager[IO[str]]]
    beside: Callable[[str], "ExportFile | None"]
    cache: dict[str, Any] = field(default_factory=dict)


@lru_cache(maxsize=4096)
def clean_name(name: str) -> str:
    """Return a speaker's name without what a program puts around it."""
    name = _INVISIBLE.sub("", unicodedata.normalize("NFC", name))
    return " ".join(name.split()).removeprefix("~").strip()[:MAX_NAME_CHARS]


def same_name(name: str) -> str:
    """Return a name in the form in which two names are compared.

    The Turkish İ and ı are i: keyboards and `casefold` of other languages know no other. Nor do
    they know the hyphens of phone numbers and the apostrophes that programs write.
    """
    folded = unicodedata.normalize("NFKC", clean_name(name)).casefold()
    return folded.replace("i\u0307", "i").translate(_TYPED)
