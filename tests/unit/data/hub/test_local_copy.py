"""Which file of a copy belongs to which part."""

from pathlib import Path

import pytest

from lumina_cli.data.hub.local_copy import by_part, parts_of_local_copy, rows_of_local_copy
from lumina_cli.data.report import ReadReport
from lumina_cli.errors import DataError
from tests.unit.data.reading import counts, write_bytes, write_rows


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("train", "train"),
        ("data/train-00000-of-00002.parquet", "train"),
        ("data/validation-00000-of-00001.parquet", "validation"),
        ("dev.jsonl", "validation"),
        ("my_VAL.json", "validation"),
        ("valley.json", "train"),
        ("chats.jsonl", "train"),
    ],
)
def test_a_name_tells_its_part(name: str, part: str) -> None:
    assert by_part([name], report=ReadReport()) == {part: [name]}


def test_what_is_kept_for_a_test_is_not_taken() -> None:
    names = ["train.jsonl", "test.jsonl", "data/test-00000-of-00001.parquet"]
    assert by_part(names, report=ReadReport()) == {"train": ["train.jsonl"]}


def test_of_several_forms_the_whole_conversations_are_taken_and_that_is_told() -> None:
    report = ReadReport()
    parts = by_part(["train_sft", "test_sft", "train_gen", "test_gen"], report=report)
    assert parts == {"train": ["train_sft"]}
    assert counts(report.notices) == {"another form of the same data is not taken": 2}


def test_one_file_is_all_for_training(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "test.jsonl", [{"text": "a"}])
    assert parts_of_local_copy(path, report=ReadReport()) == {"train": [path]}


def test_the_rows_of_all_files_follow_one_another(tmp_path: Path) -> None:
    files = [write_rows(tmp_path / f"{n}.jsonl", [{"text": n}, {"text": "x"}]) for n in "ab"]
    rows = list(rows_of_local_copy(files, report=ReadReport()))
    assert [row.value for row in rows] == [{"text": t} for t in "axbx"]
    assert str(rows[3].location) == f"{files[1]}:2"


@pytest.mark.parametrize("text", [b"Once upon a time.\n", b"<|user|>a\n<|bot|>b\n"])
def test_a_text_without_rows_is_refused_with_what_to_do(tmp_path: Path, text: bytes) -> None:
    path = write_bytes(tmp_path / "x.txt", text)
    with pytest.raises(DataError, match="not rows") as refusal:
        list(rows_of_local_copy([path], report=ReadReport()))
    assert refusal.value.hint == f"Text needs no fetching: lumina train --data {path}"
