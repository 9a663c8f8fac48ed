"""Rows of parquet tables."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lumina_cli.errors import DataError
from tests.unit.data.reading import counts, plain, read, write_bytes


def test_a_date_that_no_calendar_has_is_one_bad_row(tmp_path: Path) -> None:
    dates = pa.array([None, 2**40], pa.timestamp("s"))
    pq.write_table(pa.table({"text": ["fine", "x"], "lang": dates}), tmp_path / "x.parquet")
    documents, report = read(tmp_path / "x.parquet", allow_skips=True)
    assert plain(documents) == "fine"
    assert counts(report.skipped) == {"it holds a date beyond the calendar": 1}


def test_a_table_with_a_damaged_name_of_a_column_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"message_id": ["a"], "text": ["b"]}), tmp_path / "x.parquet")
    data = (tmp_path / "x.parquet").read_bytes().replace(b"message_id", b"mess\x81ge_id")
    with pytest.raises(DataError, match="no whole parquet table"):
        read(write_bytes(tmp_path / "x.parquet", data))


def test_a_column_of_a_parquet_table_that_is_not_read_is_told(tmp_path: Path) -> None:
    row = {"user": "a", "bot": "b", "thoughts": "let me think of it", "url": "a b c", "n": 1}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "x.parquet")
    _, report = read(tmp_path / "x.parquet")
    [(wording, issue)] = list(report.notices)
    assert "'thoughts'" in wording
    assert issue.first.line == 1
