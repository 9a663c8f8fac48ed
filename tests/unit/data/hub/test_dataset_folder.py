"""A fetched data set is there whole or not at all."""

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lumina_cli.data.hub.dataset_folder import (
    Manifest,
    new_folder,
    read_manifest,
    refuse_other_files,
    refuse_unwritable,
    verify,
)
from lumina_cli.errors import DataError, OutputError, StorageError

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


def test_what_another_fetch_has_brought_meanwhile_is_replaced(tmp_path: Path) -> None:
    manifest = Manifest("name", source="", revision="", licence="")
    with new_folder(tmp_path / "out", manifest=manifest) as writer:
        list(writer.write_part("train", ROWS))
        write(tmp_path / "out", [{"text": "theirs"}, {"text": "too"}])
    found = read_manifest(tmp_path / "out")
    assert found is not None
    verify(tmp_path / "out", found)
    assert found["languages"] == {"fr": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_the_user_has_put_there_meanwhile_stays(tmp_path: Path) -> None:
    manifest = Manifest("name", source="", revision="", licence="")

    def fetch() -> None:
        with new_folder(tmp_path / "out", manifest=manifest) as writer:
            list(writer.write_part("train", ROWS))
            (tmp_path / "out").mkdir()
            (tmp_path / "out" / "diary.txt").write_text("dear diary")

    with pytest.raises(OutputError, match="out is there already"):
        fetch()
    assert (tmp_path / "out" / "diary.txt").read_text() == "dear diary"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_any_number_of_fetches_into_one_folder_leave_it_whole(tmp_path: Path) -> None:
    manifests = [Manifest(str(number), source="", revision="", licence="") for number in range(20)]

    def fetch(manifest: Manifest) -> None:
        with new_folder(tmp_path / "out", manifest=manifest) as writer:
            list(writer.write_part("train", ROWS))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fetch, manifests))
    found = read_manifest(tmp_path / "out")
    assert found is not None
    verify(tmp_path / "out", found)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_fetch_that_ends_between_two_renames_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "out")
    before_rename(monkeypatch, "new", lambda: write(tmp_path / "out", [{"text": "theirs"}] * 2))
    write(tmp_path / "out")
    found = read_manifest(tmp_path / "out")
    assert found is not None
    verify(tmp_path / "out", found)
    assert found["languages"] == {"fr": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_can_not_be_put_back_stays_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = Manifest("name", source="", revision="", licence="")

    def fetch() -> None:
        with new_folder(tmp_path / "out", manifest=manifest) as writer:
            list(writer.write_part("train", ROWS))
            (tmp_path / "out").mkdir()
            (tmp_path / "out" / "diary.txt").write_text("dear diary")
            before_rename(monkeypatch, "old", lambda: write(tmp_path / "out"))

    with pytest.raises(StorageError, match="what stood there is now in") as error:
        fetch()
    assert (Path(str(error.value).rsplit(" ", 1)[1]) / "diary.txt").read_text() == "dear diary"


def before_rename(monkeypatch: pytest.MonkeyPatch, name: str, do: Callable[[], None]) -> None:
    """Do something once, just before a file of this name is renamed."""
    rename, todo = Path.rename, [do]

    def rename_later(path: Path, target: Path) -> Path:
        if path.name == name and todo:
            todo.pop()()
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", rename_later)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
def test_the_folder_has_the_rights_that_the_users_folders_have(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "out")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o750


def test_a_place_that_cannot_be_written_to_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_unwritable(tmp_path / "new" / "out")
    monkeypatch.setattr(os, "access", lambda path, _: path != tmp_path)
    with pytest.raises(OutputError, match="can't be written to"):
        refuse_unwritable(tmp_path / "new" / "out")
