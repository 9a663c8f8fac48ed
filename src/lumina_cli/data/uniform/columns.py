"""Rows as columns, as far as they are alike."""

from collections.abc import Sequence
from itertools import repeat
from operator import eq, itemgetter

from lumina_cli.data.rows import Record
from lumina_cli.data.schemas.transcripts import may_hold_turns
from lumina_cli.data.strip.stripper import may_be_told
from lumina_cli.data.text_repair import is_sound

FEWEST_ROWS = 16
"""Fewer are read one by one."""

MOST_SHAPES, MOST_KEYS, MOST_KEY_CHARS = 64, 24, 1000
"""Of rows that are remembered: those with ever new keys would fill the memory."""

Keys = tuple[str, ...]


def records_of(values: Sequence[object]) -> tuple[Sequence[Record], Keys] | None:
    """Return values as objects with the same keys in one order, and these; None for others."""
    if not values or set(map(type, values)) != {dict}:
        return None
    records: Sequence[Record] = values  # type: ignore[assignment]
    keys = tuple(records[0])
    return (records, keys) if all(map(eq, map(tuple, records), repeat(keys))) else None


def are_few(keys: Keys) -> bool:
    """Say whether keys are such as may be remembered."""
    return 0 < len(keys) <= MOST_KEYS and sum(map(len, keys)) <= MOST_KEY_CHARS


def text_column(records: Sequence[Record], key: str) -> list[str] | None:
    """Return the texts under a key; None where one is blank or no text."""
    texts = list(map(itemgetter(key), records))
    if set(map(type, texts)) != {str} or not all(texts) or any(map(str.isspace, texts)):
        return None
    return texts


def are_ordinary(texts: Sequence[str]) -> bool:
    """Say whether nobody looks into texts: they hold no tags, no marks, nothing to repair."""
    joined = "\n".join(texts)
    return is_sound(joined) and not may_hold_turns(joined) and not may_be_told(joined)
