"""How the text of a file is divided, told from how it begins; its name only breaks a tie."""

import re
from pathlib import Path
from typing import Literal

from lumina_cli.data.readers.json_envelope import begin_of_rows
from lumina_cli.data.readers.json_rows import BOM, BadJSON, parse_row
from lumina_cli.data.readers.tagged import TAG

Container = Literal["json lines", "json", "table", "tagged", "text"]

SAMPLE_CHARS = 1 << 18
NUM_LOOKED_AT = 20
JSON_LINES_SUFFIXES = (".jsonl", ".ndjson")
TABLE_SUFFIXES = (".csv", ".tsv")
_BLANK_LINES = re.compile(rf"{BOM}?(?:[ \t]*\n)*")
_OPENING = ("{", "[", '"')
_ARRAY = re.compile(r"\[\s*([\[]?\s*\{|\]\s*\Z)")
_OBJECT = re.compile(r'\{\s*["}]')


def sniff(sample: str, *, path: Path) -> Container:
    """Return how the text of a file is divided.

    Args:
        sample: the first characters of the file.
        path: its name, for files that begin like nothing in particular.
    """
    begin = sample.lstrip(BOM + " \t\n")
    suffix = data_suffix(path)
    first_line = begin.partition("\n")[0]
    values = [_value_of(line) for line in _first_lines(begin)] if begin[:1] in _OPENING else []
    one_value = bool(values) and (len(values) == 1 or values[0] is None)  # it may have many lines
    if one_value and (_ARRAY.match(begin) or begin_of_rows(begin) is not None):
        return "json"
    if _are_rows(values, named=suffix in JSON_LINES_SUFFIXES):
        return "json lines"
    if _OBJECT.match(begin):
        return "json" if first_line.strip() == "{" or suffix == ".json" else "json lines"
    if suffix in JSON_LINES_SUFFIXES:
        return "json" if first_line.strip() == "[" else "json lines"
    if suffix == ".json":
        return "json"
    blank = _BLANK_LINES.match(sample)
    if TAG.match(sample, blank.end() if blank else 0):
        return "tagged"
    return "table" if suffix in TABLE_SUFFIXES else "text"


def data_suffix(path: Path) -> str:
    """Return the ending of a file's name in lower case, without .gz."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _are_rows(values: list[object], *, named: bool) -> bool:
    """Say whether lines are a JSON value each: most of them objects or lists of messages, or
    all of them strings."""
    if 2 * sum(map(_is_row, values)) >= max(len(values), 1):
        return True
    return len(values) > (not named) and all(isinstance(value, str) for value in values)


def _is_row(value: object) -> bool:
    if isinstance(value, list) and value:
        value = value[0]
    return isinstance(value, dict)


def _first_lines(begin: str) -> list[str]:
    lines = (line.strip(BOM + " \t") for line in begin.split("\n")[: 2 * NUM_LOOKED_AT])
    return [line for line in lines if line][:NUM_LOOKED_AT]


def _value_of(line: str) -> object:
    try:
        return parse_row(line)
    except BadJSON:
        return None
