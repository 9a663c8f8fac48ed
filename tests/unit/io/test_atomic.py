"""Files written whole or not at all."""

import errno
import os
import stat
from pathlib import Path

import pytest

from lumina_cli.errors import OutputError, StorageError
from lumina_cli.io import atomic, staging
from lumina_cli.io.atomic import write_atomically
from lumina_cli.io.staging import STAGING_SUFFIX


def names_drawn(monkeypatch: pytest.MonkeyPatch, *tokens: str) -> None:
    """Let these be the next names for what is being written, the last of them for ever."""
    drawn = [*tokens]
    take = lambda of: f".{of}.{drawn.pop(0) if len(drawn) > 1 else drawn[0]}.writing"  # noqa: E731
    monkeypatch.setattr(staging, "_new_name", take)


def test_what_is_written_goes_through_no_link_that_somebody_planted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names_drawn(monkeypatch, "planted", "free")
    mine, link = tmp_path / "my diary.txt", tmp_path / f".Model.pth.planted{STAGING_SUFFIX}"
    mine.write_bytes(b"dear diary")
    link.symlink_to(mine)
    write_atomically(tmp_path / "Model.pth", b"new")
    assert mine.read_bytes() == b"dear diary"
    assert link.is_symlink()
    assert (tmp_path / "Model.pth").read_bytes() == b"new"
    assert not (tmp_path / "Model.pth").is_symlink()


def test_a_rename_that_the_disk_does_not_confirm_is_told_as_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Model.pth").write_bytes(b"old")

    def fails(_: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(atomic, "sync_folder", fails)
    with pytest.raises(StorageError, match="is written, but the disk does not confirm") as told:
        write_atomically(tmp_path / "Model.pth", b"new")
    assert "still there" not in told.value.hint
    assert (tmp_path / "Model.pth").read_bytes() == b"new"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("kind", ["file", "link to nothing"])
def test_what_lies_under_every_name_that_is_tried_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    names_drawn(monkeypatch, "planted")
    there = tmp_path / f".Model.pth.planted{STAGING_SUFFIX}"
    if kind == "file":
        there.write_bytes(b"not yours")
    else:
        there.symlink_to(tmp_path / "made through the link")
    with pytest.raises(StorageError, match="is taken"):
        write_atomically(tmp_path / "Model.pth", b"new")
    assert list(tmp_path.iterdir()) == [there]
    assert kind != "file" or there.read_bytes() == b"not yours"


def test_the_name_beside_the_file_differs_each_time_and_tells_whose_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        seen.append(self.name)
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    for _ in range(3):
        write_atomically(tmp_path / "Model.pth", b"new")
    assert len(set(seen)) == 3
    assert all(n.startswith(".Model.pth.") and n.endswith(STAGING_SUFFIX) for n in seen)


def test_a_name_that_no_file_can_have_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="too long"):
        write_atomically(tmp_path / ("x" * 300), b"new")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist"):
        write_atomically(tmp_path / "nowhere" / "Model.pth", b"new")


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_a_failure_while_writing_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    path = tmp_path / "Model.pth"
    path.write_bytes(b"old")
    if fails == "fsync":
        monkeypatch.setattr(os, "fsync", no_space)
    else:
        monkeypatch.setattr(Path, "replace", no_space)
    with pytest.raises(StorageError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_new_file_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "Model.pth"
    path.write_bytes(b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_is_on_disk_before_it_takes_the_old_ones_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(handle: int) -> None:
        done.append("sync folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "sync file")
        real_fsync(handle)

    def replace(self: Path, target: Path) -> Path:
        done.append("replace")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    write_atomically(tmp_path / "Model.pth", b"new")
    assert done[:2] == ["sync file", "replace"]
    assert done[2:] == ([] if os.name == "nt" else ["sync folder"])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_others_may_read_a_model_as_they_may_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    write_atomically(tmp_path / "Model.pth", b"new")
    assert (tmp_path / "Model.pth").stat().st_mode == (tmp_path / "usual").stat().st_mode
