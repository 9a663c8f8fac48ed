"""The envelope around a list of rows: {"version": 1, "data": [{…}, {…}], "total": 2}."""

import json
import re

from lumina_cli.data.rows import BadRow, first_key
from lumina_cli.data.schemas.detect import COLUMNS, detect_schema
from lumina_cli.data.schemas.turns.message_list import (
    ROLE_KEYS,
    is_bare,
    is_bare_list,
    is_message_list,
)

_LIST_NAME = re.compile(
    "conversations|data|dialog(ue)?s|entries|examples|instances|items|records|rows|train"
)

_DECODER = json.JSONDecoder(strict=False)
_STRING = r'"(?:[^"\\]|\\.)*+"'
_OPEN = re.compile(r"\s*\{\s*")
_KEY = re.compile(rf"({_STRING})\s*:\s*", re.DOTALL)
_COMMA = re.compile(r"\s*,\s*")
_LIST = re.compile(r"\[\s*(?=[\[{])")
_SCALARS = re.compile(
    rf"(?:\s*,\s*{_STRING}\s*:\s*(?:{_STRING}|[-+.\w]+|\{{\}}|\[\]))*+\s*\}}\s*\Z", re.DOTALL
)


def begin_of_rows(text: str) -> int | None:
    """Return where the first row inside an envelope begins; None for any other text.

    Args:
        text: the beginning of a JSON text; what stands before the list must be in it whole.
    """
    opened = _OPEN.match(text)
    at = opened.end() if opened else len(text)
    while key := _KEY.match(text, at):
        rows = _LIST.match(text, key.end())
        if rows and _LIST_NAME.fullmatch(key[1].strip('"')) and not _is_turn(text, rows.end()):
            return rows.end()
        try:
            at = _DECODER.raw_decode(text, key.end())[1]
        except (ValueError, RecursionError):
            return None
        comma = _COMMA.match(text, at)
        at = comma.end() if comma else len(text)
    return None


def only_scalars_follow(text: str) -> bool:
    """Say whether nothing but numbers and names stands behind the list, up to the end."""
    return _SCALARS.match(text) is not None


def _is_turn(text: str, at: int) -> bool:
    """Say whether the first element is a message: then the object is a row itself."""
    try:
        value = _DECODER.raw_decode(text, at)[0]
    except (ValueError, RecursionError):  # longer than what is looked at, or damaged
        value = None
        if key := _KEY.match(text, at + 1):
            value = {key[1].strip('"'): None}
    if not isinstance(value, dict):
        return False
    return first_key(ROLE_KEYS, value) is not None and "message_id" not in value


def begin_of_map(text: str) -> int | None:
    """Return where the first key of an object of conversations by their ids stands, or None.

    Args:
        text: the beginning of a JSON text.
    """
    opened = _OPEN.match(text)
    key = _KEY.match(text, opened.end()) if opened else None
    if opened is None or key is None or key[1].strip('"') in COLUMNS:
        return None
    return opened.end() if _begins_conversation(text, key.end()) else None


def without_key(text: str) -> str:
    """Return the value in an object's `"key": value`."""
    key = _KEY.match(text)
    return text[key.end() :] if key else text


def _begins_conversation(text: str, at: int) -> bool:
    """Say whether a value is a conversation, or begins like one where it is long."""
    try:
        value = _DECODER.raw_decode(text, at)[0]
    except (ValueError, RecursionError):
        value = _beginning_of(text, at)
    if isinstance(value, dict):
        return bool(value) and _has_schema(value)
    return is_bare_list(value) or (is_message_list(value) and not is_bare(value))


def _beginning_of(text: str, at: int) -> object:
    """Return an object with the keys of one that goes on behind the text, as far as they stand."""
    opened = _OPEN.match(text, at)
    if opened is None:  # a list: its first message tells
        messages = re.compile(r"\s*\[\s*").match(text, at)
        try:
            return [_DECODER.raw_decode(text, messages.end())[0]] if messages else None
        except (ValueError, RecursionError):
            return None
    found: dict[str, object] = {}
    at = opened.end()
    while key := _KEY.match(text, at):
        try:
            found[key[1].strip('"')], at = _DECODER.raw_decode(text, key.end())
        except (ValueError, RecursionError):
            found[key[1].strip('"')] = _beginning_of(text, key.end())
            break
        comma = _COMMA.match(text, at)
        at = comma.end() if comma else len(text)
    return found


def _has_schema(record: dict[str, object]) -> bool:
    try:
        return detect_schema(record) not in ("documents", "oasst")
    except BadRow:
        return False
