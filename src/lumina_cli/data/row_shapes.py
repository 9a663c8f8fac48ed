"""Rows brought into the shape that schemas read: keys in their case, columns by their names.

{"Question": "Hello", "ANSWER": "Hi!"}      → {"question": "Hello", "answer": "Hi!"}
{"messages": "[{\\"role\\": …}]"}             → {"messages": [{"role": …}]}
--columns question=text,answer=code         → {"question": …, "answer": …}
"""

import ast
from collections.abc import Mapping
from typing import Any

from lumina_cli.data.config import DataConfig
from lumina_cli.data.readers.json.rows import BadJSON, parse
from lumina_cli.data.report import Location, ReadReport
from lumina_cli.data.rows import BadRow, RowNotes
from lumina_cli.data.schemas.detect import COLUMNS, VERDICT_KEYS
from lumina_cli.data.schemas.turns.history import HISTORY_KEY
from lumina_cli.data.schemas.turns.messages import LIST_KEYS
from lumina_cli.data.schemas.unused_columns import report_unused_columns
from lumina_cli.errors import UsageError

_CASED = {key.lower(): key for key in COLUMNS}
HOLD_LISTS = frozenset((*LIST_KEYS, HISTORY_KEY))
MAX_LITERAL_CHARS = 100_000
"""Of a list as Python prints it: its parser takes hundred times as much memory."""


class RowShapes:
    """Brings rows into shape.

    Args:
        config: what the user calls the columns.
        report: text that is not read is reported here.

    Raises:
        UsageError: a name is given to what no format has.
    """

    def __init__(self, config: DataConfig, *, report: ReadReport) -> None:
        self._columns = {ours.lower(): theirs for ours, theirs in config.column_names.items()}
        self._report = report
        for name in self._columns:
            if name not in _CASED:
                raise UsageError(
                    f"--columns gives a column to {name!r}, which no format has",
                    hint="Use: --columns question=NAME,answer=NAME. All formats: lumina docs data",
                )

    def shape(self, value: object, *, location: Location) -> object:
        """Return a row with the columns that the user named, and lists out of their texts.

        Raises:
            BadRow: it has none of those columns.
        """
        if not isinstance(value, dict):
            return value
        if self._columns:
            value = self._named(value, RowNotes(self._report, location))
        return _with_lists(value)

    def _named(self, record: dict[str, Any], notes: RowNotes) -> dict[str, Any]:
        found = {key.strip().lower(): key for key in record}
        keys = {ours: found.get(theirs.lower()) for ours, theirs in self._columns.items()}
        if all(key is None for key in keys.values()):
            wanted = ", ".join(self._columns.values())
            raise BadRow("it has none of the columns named by --columns", example=wanted)
        used = [key for key in keys.values() if key is not None]
        report_unused_columns(record, used=used, notes=notes)
        verdicts = {key: record[found[key]] for key in VERDICT_KEYS if key in found}
        named = {_CASED[ours]: record[key] for ours, key in keys.items() if key is not None}
        return verdicts | named


def in_lower_case(value: object) -> dict[str, Any] | None:
    """Return a row with its keys, and those of objects and lists in it, as schemas write them.

    None where nothing changes.
    """
    if not isinstance(value, dict):
        return None
    cased = _cased(value)
    changed = {key: _inner_cased(inner) for key, inner in cased.items()}
    return _with_lists(changed) if changed != value else None


def _inner_cased(value: object) -> object:
    if isinstance(value, dict):
        return _cased(value)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_cased(each) if isinstance(each, dict) else each for each in value]
    return value


def _cased(record: Mapping[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    for key, value in record.items():
        known = _CASED.get(key.strip().lower(), key)
        changed.setdefault(key if known in record else known, value)
    return changed


def _with_lists(record: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose lists of messages are no texts any more, as cells of tables hold them."""
    if HOLD_LISTS.isdisjoint(record):
        return record
    texts = {
        key: value
        for key in HOLD_LISTS & record.keys()
        if isinstance(value := record[key], str) and value.lstrip()[:1] in ("[", "{")
    }
    return {**record, **{key: _parsed(text) for key, text in texts.items()}} if texts else record


def _parsed(text: str) -> object:
    """Return the list in a text, written as JSON or as Python prints it; or the text itself."""
    try:
        value = parse(text.strip())
    except BadJSON:
        value = _python_list(text.strip())
    return value if isinstance(value, list | dict) else text


def _python_list(text: str) -> object:
    if len(text) > MAX_LITERAL_CHARS:
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None
    # bare texts without commas between them, as NumPy prints them, would run into one
    are_objects = isinstance(value, list) and all(isinstance(each, dict) for each in value)
    return value if are_objects else None
