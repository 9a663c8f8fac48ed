"""Whole files and folders of every kind: read, or refused, and nothing else."""

import gzip
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumina_cli.conversation import Document, PlainText
from lumina_cli.data.config import DataConfig
from lumina_cli.data.documents import Documents
from lumina_cli.errors import DataError, MissingInputError
from tests.unit.data.reading import (
    EXAMPLE,
    EXAMPLE_ROWS,
    as_array,
    as_json_lines,
    read,
    said,
    write_bytes,
    write_rows,
)


@pytest.mark.parametrize("data", [b"", b" \n\t\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
@pytest.mark.parametrize("name", ["x.txt", "x.jsonl", "x.json", "x.txt.gz"])
def test_a_file_without_text_is_missing_input(tmp_path: Path, name: str, data: bytes) -> None:
    path = write_bytes(tmp_path / name, gzip.compress(data) if name.endswith("gz") else data)
    with pytest.raises(MissingInputError, match="holds no text"):
        read(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(path.read_bytes()[:1_500_000]),
        lambda path: path.write_bytes(path.read_bytes() + b"more"),
        lambda path: os.utime(path, ns=(0, 0)),
    ],
    ids=["shrinks", "grows", "is touched"],
)
def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, change: Callable[[Path], object]
) -> None:
    path = write_bytes(tmp_path / "x.txt", b"a line\n" * 500_000)
    documents: Iterator[object] = iter(Documents([path], config=DataConfig()))
    next(documents)
    change(path)
    with pytest.raises(DataError, match="changed while it was read"):
        list(documents)


def test_a_file_that_changes_between_two_readings_is_refused(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "x.txt", b"a line\n")
    documents = Documents([path], config=DataConfig())
    assert documents.fingerprint
    write_bytes(path, b"another line\n")
    with pytest.raises(DataError, match="changed while it was read"):
        list(documents)


def read_or_refused(path: Path, **settings: object) -> list[Document]:
    """Return the documents, or none where the file is refused as a person can mend it."""
    try:
        documents, _ = read(path, **settings)
    except (DataError, MissingInputError):
        return []
    assert documents
    return documents


@pytest.mark.parametrize("num", [100, pytest.param(4_000, marks=pytest.mark.slow)])
def test_any_bytes_are_read_or_refused(tmp_path: Path, num: int) -> None:
    names = st.sampled_from(["x.txt", "x.jsonl", "x.json", "x.gz", "x.parquet"])

    @given(st.binary(max_size=300), names)
    @settings(max_examples=num)
    def check(data: bytes, name: str) -> None:
        read_or_refused(write_bytes(tmp_path / name, data))

    check()


ROW_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["user", "assistant", "prompter", "true", "a", "b"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(
            ["message_id", "parent_id", "text", "role", "prompt", "replies", "messages", "content",
             "conversations", "from", "value", "user", "bot", "rank", "deleted", "lang", "input",
             "output", "instruction", "synthetic", "review_result", "completion"]
        ),
        inner,
        max_size=6,
    ),
    max_leaves=20,
)  # fmt: skip


@pytest.mark.parametrize("num", [60, pytest.param(2_000, marks=pytest.mark.slow)])
def test_any_rows_are_read_or_refused(tmp_path: Path, num: int) -> None:
    @given(st.lists(ROW_VALUES, min_size=2, max_size=6), st.sampled_from(["best", "all"]))
    @settings(max_examples=num)
    def check(rows: list[object], paths: str) -> None:
        as_lines, as_array = tmp_path / "rows.jsonl", tmp_path / "rows.json"
        as_lines.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        as_array.write_text(json.dumps(rows), encoding="utf-8")
        documents = read_or_refused(as_lines, oasst_paths=paths, allow_skips=True)
        assert documents == read_or_refused(as_array, oasst_paths=paths, allow_skips=True)
        for document in documents:
            is_plain = isinstance(document, PlainText)
            texts = [document.text] if is_plain else [text for _, text in said(document)]
            assert all(text.encode().strip() for text in texts)

    check()


def as_spread_out_array(folder: Path, rows: list[Any]) -> Path:
    return write_bytes(folder / "x.json", b"\xef\xbb\xbf\n" + json.dumps(rows, indent=2).encode())


def as_misnamed_array(folder: Path, rows: list[Any]) -> Path:
    return write_bytes(folder / "x.txt", json.dumps(rows, indent=4).encode())


def as_array_named_json_lines(folder: Path, rows: list[Any]) -> Path:
    return write_bytes(folder / "x.jsonl", json.dumps(rows, indent=1).encode())


def as_misnamed_lines(folder: Path, rows: list[Any]) -> Path:
    return write_rows(folder / "x.json", rows)


def as_lines_without_name(folder: Path, rows: list[Any]) -> Path:
    return write_rows(folder / "data", rows)


def as_spread_out_objects(folder: Path, rows: list[Any]) -> Path:
    text = "\n\n".join(json.dumps(row, indent=2) for row in rows)
    return write_bytes(folder / "x.jsonl", text.encode())


def as_packed_lines(folder: Path, rows: list[Any]) -> Path:
    return write_bytes(
        folder / "x.jsonl.gz", gzip.compress(as_json_lines(folder, rows).read_bytes())
    )


def as_parquet(folder: Path, rows: list[Any]) -> Path:

    pq.write_table(pa.Table.from_pylist(rows), folder / "x.parquet")
    return folder / "x.parquet"


CONTAINERS = [
    as_json_lines,
    as_array,
    as_spread_out_array,
    as_misnamed_array,
    as_array_named_json_lines,
    as_misnamed_lines,
    as_lines_without_name,
    as_spread_out_objects,
    as_packed_lines,
    as_parquet,
]


@pytest.mark.parametrize("name", EXAMPLE_ROWS)
@pytest.mark.parametrize("write", CONTAINERS)
def test_each_schema_is_read_from_each_container(
    tmp_path: Path, write: Callable[[Path, list[Any]], Path], name: str
) -> None:
    documents, report = read(write(tmp_path, EXAMPLE_ROWS[name]))
    assert [said(document) for document in documents] == [EXAMPLE]
    assert report.skipped.total == 0


def test_a_folder_may_mix_them_all(tmp_path: Path) -> None:
    for number, name in enumerate(EXAMPLE_ROWS):
        (tmp_path / str(number)).mkdir()
        as_json_lines(tmp_path / str(number), EXAMPLE_ROWS[name])
    documents, report = read(tmp_path)
    assert [said(document) for document in documents] == [EXAMPLE] * len(EXAMPLE_ROWS)
    assert len(report.formats) == len(EXAMPLE_ROWS)


def test_fingerprints_follow_content_and_settings_and_nothing_else(tmp_path: Path) -> None:
    def fingerprint(text: str, name: str = "x.txt", **settings: object) -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return Documents([path], config=DataConfig(**settings)).fingerprint

    same = fingerprint("hello")
    assert fingerprint("hello", "another.txt") == same
    assert fingerprint("hello", loss_on="bot", val_fraction=0.2) == same
    others = [
        fingerprint("hallo"),
        fingerprint("hello", "x.jsonl"),
        fingerprint("hello", oasst_lang="de"),
        fingerprint("hello", format="text"),
        fingerprint("hello", oasst_paths="all"),
    ]
    assert len({same, *others}) == 6
