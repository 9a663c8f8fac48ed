"""The envelope around a list of rows: {"version": 1, "data": [{…}, {…}], "total": 2}."""

import json
import re

from lumina_cli.data.rows import first_key
from lumina_cli.data.schemas.message_list import ROLE_KEYS

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
