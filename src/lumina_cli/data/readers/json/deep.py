"""JSON that is nested too deep for the standard parser, parsed without recursion.

The standard parser calls itself for every bracket and gives up near a thousand. A chain of
ten thousand replies, each inside the one before, is valid data all the same. Numbers and
strings are parsed by the standard library; only the brackets are counted here.
"""

import json
import re
from typing import Any

_SPACE = re.compile(r"[ \t\n\r]*")
_SCALAR = re.compile(r'"(?:[^"\\]|\\.)*+"|[^\s"{}\[\],:]+', re.DOTALL)
_STRICT = json.JSONDecoder(strict=False)


def parse_deep(text: str) -> object:
    """Return the value of one JSON text of any depth.

    Raises:
        ValueError: it is not one value.
    """
    holder: list[Any] = []
    parents: list[list[Any] | dict[str, Any]] = []
    into: list[Any] | dict[str, Any] = holder
    at, key = _skip_space(text, 0), None
    while True:
        # at the beginning of a value
        value, at = _open_or_scalar(text, at)
        _put(into, key, value)
        key = None
        if isinstance(value, list | dict):
            parents.append(into)
            into = value
            at = _skip_space(text, at)
            if text[at : at + 1] != _CLOSE[type(into)]:
                key, at = _key_of(into, text, at)
                continue
        # behind a value: close what ends here, then go on behind a comma
        while into is not holder and text[at : at + 1] == _CLOSE[type(into)]:
            into = parents.pop()
            at = _skip_space(text, at + 1)
        if into is holder:
            break
        if text[at : at + 1] != ",":
            raise ValueError(f"a comma or bracket is missing at character {at + 1}")
        key, at = _key_of(into, text, _skip_space(text, at + 1))
    if at != len(text):
        raise ValueError("there is more than one value on the line")
    value_read: object = holder[0]
    return value_read


_CLOSE: dict[type, str] = {list: "]", dict: "}"}


def _open_or_scalar(text: str, at: int) -> tuple[Any, int]:
    """Return an empty list or object where one opens, or a whole scalar; and what follows."""
    if text[at : at + 1] == "[":
        return [], at + 1
    if text[at : at + 1] == "{":
        return {}, at + 1
    found = _SCALAR.match(text, at)
    if not found:
        raise ValueError(f"a value is missing at character {at + 1}")
    return _STRICT.decode(found[0]), _skip_space(text, found.end())


def _key_of(into: list[Any] | dict[str, Any], text: str, at: int) -> tuple[str | None, int]:
    """Return the key that the next value of an object has, and where that value begins."""
    if isinstance(into, list):
        return None, at
    found = _SCALAR.match(text, at)
    if not found or text[at] != '"':
        raise ValueError(f"a key is missing at character {at + 1}")
    colon = _skip_space(text, found.end())
    if text[colon : colon + 1] != ":":
        raise ValueError(f"a colon is missing at character {colon + 1}")
    return _STRICT.decode(found[0]), _skip_space(text, colon + 1)


def _put(into: list[Any] | dict[str, Any], key: str | None, value: Any) -> None:
    if isinstance(into, dict):
        assert key is not None
        into[key] = value
    else:
        into.append(value)


def _skip_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found
    return found.end()
