"""What stands in the fields of a row: roles and texts, checked once for all shapes."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from lumina_cli.conversation import ROLE_NAMES, Role
from lumina_cli.data.report import Place, ReadReport

Record = Mapping[str, Any]


class BadRow(ValueError):
    """A row that can't be read: why, in fixed words, and what it had instead.

    Args:
        wording: why, without parts that vary from row to row.
        example: what stood there.
    """

    def __init__(self, wording: str, *, example: str = "") -> None:
        super().__init__(wording)
        self.wording = wording
        self.example = example[:80]


class RowNotes(NamedTuple):
    """Where it is told what of a row is not read, though the row is."""

    report: ReadReport
    place: Place

    def leave_out(self, wording: str, *, example: str = "") -> None:
        """Count a sound part that is not read."""
        self.report.left_out.add(wording, self.place, example=example[:80])

    def notice(self, wording: str, *, example: str = "") -> None:
        """Count what deserves a look."""
        self.report.notices.add(wording, self.place, example=example[:80])


def role_of(value: object) -> Role:
    """Return the role that a data set's name stands for, in whatever case. Raises BadRow."""
    if value is None:
        raise BadRow("its role is missing")
    role = ROLE_NAMES.get(value.strip().lower()) if isinstance(value, str) else None
    if role is None:
        raise BadRow("its role is unknown", example=f"role: {value}")
    return role


def text_of(record: Record, key: str) -> str:
    """Return a text that is there and not blank. Raises BadRow."""
    value = record.get(key)
    if type(value) is str and value and not value.isspace():
        return value
    return filled(value, f"its {key}")


def filled(value: object, what: str) -> str:
    """Return a text that is not blank. Raises BadRow, which says `what` is wrong."""
    if value is None:
        raise BadRow(f"{what} is missing")
    if not isinstance(value, str):
        raise BadRow(f"{what} is {kind_of(value)}, not text")
    if not value.strip():
        raise BadRow(f"{what} is empty")
    return value


def text_or_nothing(record: Record, key: str) -> str:
    """Return a text that may be blank or missing. Raises BadRow for anything but text."""
    value = record.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadRow(f"its {key} is {kind_of(value)}, not text")
    return "" if value.isspace() else value


def first_of(keys: Iterable[str], record: Record) -> str | None:
    """Return the first of the keys that a record has."""
    for key in keys:
        if key in record:
            return key
    return None


def kind_of(value: object) -> str:
    """Return what a JSON value is, in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list | tuple) else "an object"
