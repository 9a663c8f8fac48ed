"""Data files of any bytes: read, or refused with an error of ours; nothing else."""

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.data.config import DataConfig
from lumina_cli.data.documents import Documents
from tests.unit.data.reading import EXAMPLE_ROWS, TURNS

from .bounds import fuzzed, reads_or_refuses

KEYS = st.sampled_from(
    ["user", "bot", "prompt", "completion", "text", "role", "content", "messages", "conversations",
     "from", "value", "system", "chosen", "rejected", "instruction", "input", "output", "context",
     "replies", "message_id", "parent_id", "deleted", "rank", "lang", "tool_calls", "parts", "type",
     "review_result", "synthetic", "author", "data"]
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["user", "assistant", "prompter", "bot", "tool", "system", "\ud800", "\x00"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=20,
)
ROWS = st.dictionaries(KEYS, VALUES, max_size=6) | VALUES
PIECES = st.sampled_from(
    ["{", "}", "[", "]", '"', "\\", ":", ",", "\n", "\r", "\t", "\0", " ", "1e999", "-", "null",
     "NaN", '{"user": "a", "bot": "b"}', '"text"', '"messages":', '"data": [', "\\ud800", "\ufeff",
     "<|user|>", "<|bot|>", "<|system|>", "<|begin|>", "### Human:", "### Assistant:", "\n\n",
     "Human: ", "user,bot\n", "user\tbot\n", '""', ";", "|", "Ã©", "\u0100", "\u2028", "\x85", "é"]
)  # fmt: skip
SOUPS = st.lists(PIECES | st.text(max_size=4), max_size=30).map("".join)
ENCODINGS = st.sampled_from(
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "shift_jis",
     "gb18030", "koi8-r", "cp1255", "euc_kr"]
)  # fmt: skip
NAMES = st.sampled_from(
    ["x.jsonl", "x.json", "x.csv", "x.tsv", "x.txt", "x.md", "x", "x.parquet", "x.gz", "x.json.gz"]
)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "format": st.sampled_from(["text", "tagged", "messages", "oasst", "pairs", "sharegpt"]),
        "encoding": ENCODINGS,
        "fix_mojibake": st.booleans(),
        "allow_skips": st.booleans(),
        "oasst_paths": st.sampled_from(["best", "all"]),
    },
)


def read_or_refuse(path: Path, **settings: Any) -> None:
    """Read a file as training does; only an error of ours is allowed."""
    reads_or_refuses(lambda: list(Documents([path], config=DataConfig(**settings))))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, bytes], Path]:
    folder = tmp_path_factory.mktemp("fuzz")

    def write(name: str, data: bytes) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return write


Write = Callable[[str, bytes], Path]


@fuzzed
@given(st.lists(ROWS, max_size=4), st.sampled_from(["x.jsonl", "x.json", "x.txt"]), SETTINGS)
def test_any_values_as_json(file: Write, rows: list[Any], name: str, settings: Any) -> None:
    text = json.dumps(rows) if name == "x.json" else "".join(json.dumps(row) + "\n" for row in rows)
    read_or_refuse(file(name, text.encode()), **settings)


@fuzzed
@given(SOUPS, NAMES, ENCODINGS, SETTINGS)
def test_any_text_under_any_name(
    file: Write, text: str, name: str, encoding: str, settings: Any
) -> None:
    read_or_refuse(file(name, text.encode(encoding, "replace")), **settings)


@fuzzed
@given(st.binary(max_size=200), NAMES, SETTINGS)
def test_any_bytes_under_any_name(file: Write, data: bytes, name: str, settings: Any) -> None:
    read_or_refuse(file(name, data), **settings)


def mutated(data: bytes) -> st.SearchStrategy[bytes]:
    """Give the bytes with some changed, cut out or put in."""

    def change(edits: list[tuple[int, int, bytes]]) -> bytes:
        changed = bytearray(data)
        for at, length, new in edits:
            at %= len(changed) + 1
            changed[at : at + length] = new
        return bytes(changed)

    edit = st.tuples(st.integers(0, len(data)), st.integers(0, 6), st.binary(max_size=6))
    return st.lists(edit, min_size=1, max_size=5).map(change)


def _packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def _tables() -> list[bytes]:
    tables = []
    rows = [{"user": "Hello", "bot": "Hi!"}] * 5
    for table, options in (
        (pa.Table.from_pylist(rows), {}),
        (pa.Table.from_pylist(rows), {"use_dictionary": False, "compression": "none"}),
        (pa.Table.from_pylist([{"messages": TURNS}] * 3), {"data_page_version": "2.0"}),
        (pa.Table.from_pylist(EXAMPLE_ROWS["oasst"]), {"compression": "gzip"}),
    ):
        file = io.BytesIO()
        pq.write_table(table, file, **options)
        tables.append(file.getvalue())
    return tables


@fuzzed
@given(st.one_of([mutated(table) for table in _tables()]))
def test_damaged_parquet_tables(file: Write, data: bytes) -> None:
    read_or_refuse(file("x.parquet", data))


@fuzzed
@given(SOUPS.map(str.encode).map(_packed).flatmap(mutated), NAMES)
def test_damaged_gzip(file: Write, data: bytes, name: str) -> None:
    read_or_refuse(file(name, data))


@fuzzed
@given(st.one_of([mutated(json.dumps(rows).encode()) for rows in EXAMPLE_ROWS.values()]))
def test_damaged_json(file: Write, data: bytes) -> None:
    read_or_refuse(file("x.json", data))


@fuzzed
@given(SOUPS, st.sampled_from(["x.csv", "x.tsv"]), st.sampled_from([",", ";", "\t", "|"]))
def test_tables_of_any_text(file: Write, text: str, name: str, delimiter: str) -> None:
    read_or_refuse(file(name, f"user{delimiter}bot\n{text}".encode("utf-8", "replace")))
