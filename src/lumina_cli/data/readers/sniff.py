"""Detection of the kind of a file by how it begins; its name only breaks a tie."""

import re
from pathlib import Path
from typing import Literal

from lumina_cli.data.config import DataConfig
from lumina_cli.data.readers.documents.kinds import DocumentKind, document_kind
from lumina_cli.data.readers.encodings import likely_encoding, refuse_documents
from lumina_cli.data.readers.files import data_suffix, open_regular
from lumina_cli.data.readers.json.envelope import begin_of_map, begin_of_rows
from lumina_cli.data.readers.json.rows import BOM, BadJSON, parse_row
from lumina_cli.data.readers.parquet.rows import is_parquet
from lumina_cli.data.readers.tagged import TAG
from lumina_cli.data.readers.text_files import SAMPLE_CHARS, open_text, open_unpacked
from lumina_cli.data.schemas.turns.message_list import is_bare_list
from lumina_cli.errors import DataError

Container = Literal["json lines", "json", "csv", "parquet", "tagged", "text", DocumentKind]
"""How a file is divided into rows or turns."""

_MAX_LINES = 20
BEGIN_BYTES = 1024
"""Enough to know a document of another program by its first bytes."""
JSON_LINES_SUFFIXES = (".jsonl", ".ndjson")
CSV_SUFFIXES = (".csv", ".tsv")
TEXT_SUFFIXES = (".md", ".text", ".txt")
_BLANK_LINES = re.compile(rf"{BOM}?(?:[ \t]*\n)*")
_OPENING = ("{", "[", '"')
_ARRAY = re.compile(r"\[\s*([\[]?\s*\{|\[\s*\"|\]\s*\Z)")
_OBJECT = re.compile(r'\{\s*["}]')


def sniff_file(path: Path, *, config: DataConfig) -> Container:
    """Return the container of a file, or the one that the settings name.

    Raises:
        DataError: it is not text in the encoding of `config`.
    """
    if config.format == "text" or config.format == "tagged":
        return config.format
    if kind := document_kind(path, config=config):
        return kind
    with open_regular(path) as file:
        if is_parquet(file) or data_suffix(path) == ".parquet":
            return "parquet"
    with open_unpacked(path) as unpacked:
        refuse_documents(unpacked.read(BEGIN_BYTES), path=path)
    with open_text(path, encoding=config.encoding) as text:
        sample = text.read(SAMPLE_CHARS)
    _refuse_utf16(sample, path=path)
    found = sniff_text(sample, path=path)
    return "json lines" if config.format != "auto" and found in ("tagged", "text") else found


def sniff_text(sample: str, *, path: Path) -> Container:
    """Return the container of a text file.

    Args:
        sample: the first characters of the file.
        path: its name, for files that begin like nothing in particular.
    """
    begin = sample.lstrip(BOM + " \t\n")
    suffix = data_suffix(path)
    first_line = begin.partition("\n")[0]
    values = [_value_of(line) for line in _first_lines(begin)] if begin[:1] in _OPENING else []
    if suffix in (*CSV_SUFFIXES, *TEXT_SUFFIXES) and begin.startswith('"'):
        values = []  # a quoted field, or speech: quotes alone don't make a line JSON
    one_value = bool(values) and (len(values) == 1 or values[0] is None)  # it may have many lines
    if one_value and (_ARRAY.match(begin) or _holds_rows(begin)):
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
    return "csv" if suffix in CSV_SUFFIXES else "text"


def _holds_rows(begin: str) -> bool:
    return begin_of_rows(begin) is not None or begin_of_map(begin) is not None


def _are_rows(values: list[object], *, named: bool) -> bool:
    """Say whether lines are JSON values: most are objects or lists of messages, or all strings."""
    num_rows = sum(map(_is_row, values))
    if several := len(values) > (not named):  # a list of texts alone may be a whole file
        num_rows += sum(map(is_bare_list, values))
    if 2 * num_rows >= max(len(values), 1):
        return True
    return several and all(isinstance(value, str) for value in values)


def _is_row(value: object) -> bool:
    if isinstance(value, list) and value:
        value = value[0]
    return isinstance(value, dict)


def _first_lines(begin: str) -> list[str]:
    lines = (line.strip(BOM + " \t") for line in begin.split("\n")[: 2 * _MAX_LINES])
    return [line for line in lines if line][:_MAX_LINES]


def _value_of(line: str) -> object:
    try:
        return parse_row(line)
    except BadJSON:
        return None


def _refuse_utf16(sample: str, *, path: Path) -> None:
    """Refuse UTF-16 without a BOM, which is valid UTF-8 with a NUL for each other character."""
    if 10 * sample.count("\0") <= len(sample):
        return
    guess = likely_encoding(sample.encode())
    hint = f"It looks like {guess}: try --encoding {guess}." if guess else ""
    raise DataError(f"{path} is not text: every few characters are NUL", hint=hint)
