"""Rows on their way from a file to a conversation, and the checks of what their fields hold.

A reader (`readers/`) yields a `Row`; a schema (`schemas/`) turns its value into a conversation
or a text with `role_of` and `text_of`, or raises `BadRow`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lumina_cli.conversation import ROLE_NAMES, Role
from lumina_cli.data.report import Location, ReadReport

MAX_ROW_CHARS = 32 * 1024 * 1024
"""A longer row, or a message of a tagged text, is refused: memory holds one at a time."""

MAX_BRACKETS = 2_000_000
"""A row of JSON with more lists and objects is refused: each takes a hundred bytes and more."""

Record = Mapping[str, Any]
"""A JSON object, or a row of a table by the names of its columns."""


class Row(NamedTuple):
    """One value and where it begins."""

    location: Location
    value: object


class RowBlock(NamedTuple):
    """Rows of one file that were read together: their lines and their values."""

    path: Path
    lines: Sequence[int]
    values: Sequence[object]

    def rows(self) -> Iterator[Row]:
        """Yield the rows one by one."""
        for line, value in zip(self.lines, self.values, strict=True):
            yield Row(Location(self.path, line), value)

    def halves(self) -> "tuple[RowBlock, RowBlock]":
        """Return the block as two."""
        middle = len(self.values) // 2
        return (
            RowBlock(self.path, self.lines[:middle], self.values[:middle]),
            RowBlock(self.path, self.lines[middle:], self.values[middle:]),
        )


class BadRow(ValueError):
    """A row that can't be read.

    Args:
        wording: why; the same for all rows with this fault, so that they are counted together.
        example: what the row holds instead.
    """

    def __init__(self, wording: str, *, example: str = "") -> None:
        super().__init__(wording)
        self.wording = wording
        self.example = example[:80]


class LeftOutRow(BadRow):
    """A valid row that holds nothing to learn from; it is counted as left out."""


class RowNotes(NamedTuple):
    """Reports what of a row is not read although the row is."""

    report: ReadReport
    location: Location

    def leave_out(self, wording: str, *, example: str = "") -> None:
        """Count a valid part that is not read on purpose."""
        self.report.left_out.add(wording, self.location, example=example[:80])

    def notice(self, wording: str, *, example: str = "") -> None:
        """Count what the user should look at."""
        self.report.notices.add(wording, self.location, example=example[:80])


def role_of(value: object) -> Role:
    """Return the role for a data set's name of it, in any case. Raises BadRow."""
    if value is None:
        raise BadRow("its role is missing")
    role = ROLE_NAMES.get(value.strip().lower()) if isinstance(value, str) else None
    if role is None:
        raise BadRow("its role is unknown", example=f"role: {in_short(value)}")
    return role


def text_of(record: Record, key: str) -> str:
    """Return the text under a key, which must not be blank. Raises BadRow."""
    value = record.get(key)
    if type(value) is str and value and not value.isspace():
        return value
    return non_blank(value, f"its {key}")


def non_blank(value: object, what: str) -> str:
    """Return `value` if it is a text that is not blank; else raise BadRow about `what`."""
    if value is None:
        raise BadRow(f"{what} is missing")
    if not isinstance(value, str):
        raise BadRow(f"{what} is {type_name(value)}, not text")
    if not value.strip():
        raise BadRow(f"{what} is empty")
    return value


def optional_text(record: Record, key: str) -> str:
    """Return the text under a key, "" if it is blank or missing. Raises BadRow for other types."""
    value = record.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadRow(f"its {key} is {type_name(value)}, not text")
    return "" if value.isspace() else value


def first_key(keys: Iterable[str], record: Record) -> str | None:
    """Return the first of the keys that a record has."""
    for key in keys:
        if key in record:
            return key
    return None


def in_short(value: object) -> str:
    """Return a scalar as it stands, the type of anything else; it may be of any size or depth."""
    if isinstance(value, str):
        return value[:80]
    if isinstance(value, int) and abs(value) >= 1 << 63:
        return type_name(value)
    return str(value) if value is None or isinstance(value, int | float) else type_name(value)


def type_name(value: object) -> str:
    """Return the type of a JSON value, in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list | tuple) else "an object"
