"""Rows of JSON lines, and lines that are none."""

import json
import tracemalloc
from pathlib import Path

import pytest

from lumina_cli.conversation import PlainText
from tests.unit.data.reading import (
    GOOD,
    HELLO,
    NUM_GOOD,
    counts,
    issues,
    read,
    said,
    write_bytes,
    write_rows,
)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_rows_may_end_in_any_line_end_and_the_last_in_none(tmp_path: Path, end: str) -> None:
    text = end.join(["\ufeff" + GOOD.strip(), "", GOOD.strip(), "\ufeff" + GOOD.strip()])
    documents, report = read(write_bytes(tmp_path / "x.jsonl", text.encode()))
    assert len(documents) == 3
    assert report.skipped.total == 0


def test_separators_inside_a_row_end_no_line(tmp_path: Path) -> None:
    text = "one\u2028two\u2029three\u0085four\x1cfive\x1e\x0c"
    [document], _ = read(write_rows(tmp_path / "x.jsonl", [{"user": text, "bot": "b"}]))
    assert said(document)[0] == ("user", text)


def test_a_last_row_that_was_cut_off_is_counted_as_such(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "x.jsonl", GOOD.encode() * NUM_GOOD + b'{"user": "hel')
    documents, report = read(path)
    assert len(documents) == NUM_GOOD
    assert counts(report.skipped) == {"the last line was cut off": 1}


def test_a_text_of_ten_megabytes_is_read(tmp_path: Path) -> None:
    text = "abcdefghi\n" * 1_000_000
    [document], _ = read(write_rows(tmp_path / "x.jsonl", [{"text": text}]))
    assert document == PlainText(text)


def test_a_line_of_a_hundred_megabytes_is_skipped_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    with path.open("wb") as file:
        file.write(GOOD.encode() * NUM_GOOD + b'{"text": "')
        for _ in range(100):
            file.write(b"x" * 1_000_000)
        file.write(b'"}\n' + GOOD.encode())
    tracemalloc.start()
    documents, report = read(path)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(documents) == NUM_GOOD + 1
    assert [(issue.count, issue.first.line) for _, issue in report.skipped] == [(1, 61)]
    assert peak_bytes < 150_000_000


@pytest.mark.parametrize("name", ["x.jsonl", "x.json", "x.txt"])
def test_rows_may_end_in_commas(tmp_path: Path, name: str) -> None:
    line = json.dumps({"user": "Hello", "bot": "Hi!"}) + ",\n"
    documents, report = read(write_bytes(tmp_path / name, (line * 3).encode()))
    assert [said(document) for document in documents] == [HELLO] * 3
    assert issues(report) == {}


def test_a_comma_alone_is_no_row(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "x.jsonl", b'{"user": "a", "bot": "b"}\n' * 30 + b",\n")
    assert counts(read(path)[1].skipped) == {"it is not JSON": 1}
