"""A fetched data set is there whole or not at all."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from lumina_cli.data.hub.dataset_folder import (
    Manifest,
    new_folder,
    read_manifest,
    refuse_other_files,
    verify,
)
from lumina_cli.errors import DataError, OutputError

ROWS = [{"text": "é", "lang": "fr", "role": "prompter"}, {"text": "b", "lang": "fr"}]


def write(path: Path, rows: Iterable[dict[str, str]] = ROWS) -> None:
    manifest = Manifest("name", source="owner/name", revision="abc", licence="MIT")
    with new_folder(path, manifest=manifest) as writer:
        assert list(writer.write_part("train", rows)) == [1, 2]


def test_the_manifest_describes_the_files(tmp_path: Path) -> None:
    write(tmp_path / "out")
    data = (tmp_path / "out" / "train.jsonl").read_bytes()
    assert [json.loads(line) for line in data.decode().splitlines()] == ROWS
    manifest = read_manifest(tmp_path / "out")
    assert manifest == {
        "name": "name",
        "source": "owner/name",
        "revision": "abc",
        "licence": "MIT",
        "rows": {"train": 2},
        "languages": {"fr": 2},
        "roles": {"prompter": 1},
        "files": {"train.jsonl": {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}},
    }
    verify(tmp_path / "out", manifest)


def test_a_file_that_was_changed_or_removed_is_told(tmp_path: Path) -> None:
    write(tmp_path / "out")
    manifest = read_manifest(tmp_path / "out")
    assert manifest is not None
    (tmp_path / "out" / "train.jsonl").write_text("other")
    with pytest.raises(DataError, match="is not what was fetched"):
        verify(tmp_path / "out", manifest)
    (tmp_path / "out" / "train.jsonl").unlink()
    with pytest.raises(DataError, match="is missing"):
        verify(tmp_path / "out", manifest)


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def rows() -> Iterator[dict[str, str]]:
        yield ROWS[0]
        raise DataError("no more")

    with pytest.raises(DataError, match="no more"):
        write(tmp_path / "out", rows())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "[]", "{", '{"files": []}', '{"files": {}}'])
def test_another_file_of_that_name_is_no_manifest(tmp_path: Path, text: str) -> None:
    (tmp_path / "dataset.json").write_text(text)
    assert read_manifest(tmp_path) is None


def test_files_of_somebody_else_are_never_replaced(tmp_path: Path) -> None:
    write(tmp_path / "out")
    refuse_other_files(tmp_path / "out")
    (tmp_path / "out" / "mine.txt").write_text("x")
    with pytest.raises(OutputError, match="with other files in it"):
        refuse_other_files(tmp_path / "out")
    with pytest.raises(OutputError):
        write(tmp_path / "out")
