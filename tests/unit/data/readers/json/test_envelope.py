"""Lists of rows inside one object."""

import json
from pathlib import Path

import pytest

from tests.unit.data.reading import HELLO, TURNS, issues, read, said, write_bytes


@pytest.mark.parametrize("name", ["x.json", "x.jsonl", "x"])
@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("key", ["data", "rows", "conversations", "examples", "train"])
def test_a_list_of_rows_may_stand_in_an_object(
    tmp_path: Path, key: str, indent: int | None, name: str
) -> None:
    whole = {"version": 1, "about": {"by": ["me"]}, key: [{"messages": TURNS}] * 3, "total": 3}
    path = write_bytes(tmp_path / name, json.dumps(whole, indent=indent).encode())
    documents, report = read(path)
    assert [said(document) for document in documents] == [HELLO] * 3
    assert issues(report) == {}


def test_a_list_of_lists_of_turns_may_stand_in_an_object(tmp_path: Path) -> None:
    whole = json.dumps({"conversations": [TURNS, TURNS]})
    documents, _ = read(write_bytes(tmp_path / "x.json", whole.encode()))
    assert [said(document) for document in documents] == [HELLO] * 2


@pytest.mark.parametrize("name", ["x.json", "x.jsonl"])
def test_a_row_alone_is_no_envelope(tmp_path: Path, name: str) -> None:
    row = {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}
    path = write_bytes(tmp_path / name, json.dumps(row).encode())
    assert [said(document) for document in read(path)[0]] == [[("user", "a"), ("bot", "b")]]


def test_text_behind_the_list_of_an_envelope_is_told(tmp_path: Path) -> None:
    whole = json.dumps({"train": [{"messages": TURNS}], "test": [{"messages": TURNS}]}, indent=1)
    path = write_bytes(tmp_path / "x.json", whole.encode())
    documents, report = read(path)
    assert len(documents) == 1
    [(wording, issue)] = list(report.notices)
    assert "behind the list" in wording
    assert issue.first.line > 1


def test_the_list_of_an_envelope_is_read_row_by_row(tmp_path: Path) -> None:
    good = json.dumps({"messages": TURNS})
    text = '{"data": [\n' + ",\n".join([good] * 30 + ['{"user": oops}'] + [good] * 30) + "\n]}\n"
    documents, report = read(write_bytes(tmp_path / "x.json", text.encode()))
    assert len(documents) == 60
    [(wording, issue)] = list(report.skipped)
    assert (wording, issue.first.line) == ("it is not JSON", 32)
