"""Each kind of file has a reader."""

from pathlib import Path
from typing import get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lumina_cli.data.config import DataConfig
from lumina_cli.data.readers.registry import DOCUMENT_READERS, ROW_READERS, rows_of_file
from lumina_cli.data.readers.sniff import Container
from lumina_cli.data.report import ReadReport
from tests.unit.data.reading import write_bytes

ROW = {"user": "a", "bot": "b"}


def test_every_container_has_one_reader() -> None:
    readers = [*ROW_READERS, *DOCUMENT_READERS, "parquet"]
    assert sorted(readers) == sorted(get_args(Container))


@pytest.mark.parametrize(
    ("container", "data"),
    [
        ("json lines", b'\n{"user": "a", "bot": "b"}\n'),
        ("json", b'[\n{"user": "a", "bot": "b"}]'),
        ("csv", b"user,bot\na,b\n"),
    ],
)
def test_rows_come_with_their_lines(tmp_path: Path, container: Container, data: bytes) -> None:
    path, report = write_bytes(tmp_path / "x", data), ReadReport()
    rows = list(rows_of_file(path, container=container, config=DataConfig(), report=report))
    assert [(row.value, row.location.line) for row in rows] == [(ROW, 2)]


def test_of_a_parquet_table_the_columns_that_are_asked_for_are_read(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([{**ROW, "id": "i", "n": 1}]), tmp_path / "x")
    found = [
        next(
            rows_of_file(
                tmp_path / "x",
                container="parquet",
                config=DataConfig(),
                report=ReadReport(),
                columns=columns,
            )
        ).value
        for columns in (None, frozenset(ROW))
    ]
    assert found == [{**ROW, "id": "i", "n": 1}, ROW]
