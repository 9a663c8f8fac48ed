"""Only what this program made is ever removed: a marker proves it, a name does not."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from lumina_cli.io.folders.owned_folder import (
    MARKER,
    Hold,
    Marker,
    finish_folder,
    hold_folder,
    make_folder,
    read_marker,
    remove_folder,
)

ON_WINDOWS = sys.platform == "win32"


def whole_folder(parent: Path, name: str = "entry") -> Path:
    """Make a folder of ours with one file in it, held by nobody."""
    held = make_folder(parent, name=name)
    (held.path / "train.bin").write_bytes(b"ours")
    finish_folder(held)
    held.release()
    return held.path.rename(parent / name)


def remove(folder: Path) -> bool:
    held = hold_folder(folder, alone=True)
    if held is None:
        return False
    try:
        return remove_folder(held)
    finally:
        held.release()


def test_a_folder_of_ours_goes_with_all_that_is_in_it(tmp_path: Path) -> None:
    assert remove(whole_folder(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_never_finished_goes_too(tmp_path: Path) -> None:
    held = make_folder(tmp_path, name="entry")
    (held.path / "half.bin").write_bytes(b"half")
    held.release()
    assert remove(held.path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(ON_WINDOWS, reason="permissions are other ones there")
def test_nobody_else_may_read_what_people_said(tmp_path: Path) -> None:
    held = make_folder(tmp_path, name="entry")
    assert held.path.stat().st_mode & 0o777 == 0o700
    held.release()


def without_marker(folder: Path) -> Path:
    (folder / MARKER).unlink()
    return folder


def with_another_name(folder: Path) -> Path:
    return Path(shutil.copytree(folder, folder.with_name("my copy")))


def with_a_forged_marker(folder: Path) -> Path:
    marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    (folder / MARKER).write_text(json.dumps({**marker, "name": "mine"}), encoding="utf-8")
    return folder.rename(folder.with_name("mine"))


def with_a_file_of_mine(folder: Path) -> Path:
    (folder / "thesis.txt").write_text("years of work", encoding="utf-8")
    return folder


def with_a_folder_of_mine(folder: Path) -> Path:
    (folder / "photos").mkdir()
    return folder


def with_a_link_in_place_of_a_file(folder: Path) -> Path:
    (folder / "train.bin").unlink()
    (folder / "train.bin").symlink_to(folder)
    return folder


def behind_a_link(folder: Path) -> Path:
    elsewhere = folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to(elsewhere)
    return folder


@pytest.mark.parametrize(
    "change",
    [
        without_marker,
        with_another_name,
        with_a_forged_marker,
        with_a_file_of_mine,
        with_a_folder_of_mine,
        pytest.param(
            with_a_link_in_place_of_a_file, marks=pytest.mark.skipif(ON_WINDOWS, reason="links")
        ),
        pytest.param(behind_a_link, marks=pytest.mark.skipif(ON_WINDOWS, reason="links")),
    ],
)
def test_what_is_not_ours_alone_stays(tmp_path: Path, change: object) -> None:
    folder = change(whole_folder(tmp_path))  # type: ignore[operator]
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    assert not remove(folder)
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before


@pytest.mark.parametrize("text", ["", "null", "{}", "[1]", '{"name": 1}', "{", '"\ud800"'])
def test_a_marker_that_is_none_proves_nothing(tmp_path: Path, text: str) -> None:
    folder = whole_folder(tmp_path)
    (folder / MARKER).write_text(text, encoding="utf-8", errors="surrogatepass")
    assert read_marker(folder) is None
    assert not remove(folder)


def test_a_marker_comes_back_as_it_was_written() -> None:
    for marker in (Marker("entry", "0f"), Marker("entry", "0f", ("a", "b"))):
        assert Marker.from_json(marker.to_json()) == marker
        assert Marker.from_json(marker.to_json().replace("0f", "1f")) is None


@pytest.mark.skipif(ON_WINDOWS, reason="Windows keeps open files by itself")
def test_a_folder_that_is_held_is_not_taken_away(tmp_path: Path) -> None:
    folder = whole_folder(tmp_path)
    held, again = hold_folder(folder), hold_folder(folder)
    assert held is not None
    assert again is not None
    held.release()
    assert not remove(folder)
    again.release()
    assert remove(folder)


@pytest.mark.skipif(ON_WINDOWS, reason="Windows renames no folder in which a file is open")
def test_a_folder_that_took_the_place_of_another_is_not_removed_for_it(tmp_path: Path) -> None:
    old = hold_folder(whole_folder(tmp_path))
    assert old is not None
    (tmp_path / "entry").rename(tmp_path / "moved away")
    new = whole_folder(tmp_path)
    assert not remove_folder(Hold(old.path, marker=old.marker, descriptor=descriptor_of(old)))
    assert (new / "train.bin").read_bytes() == b"ours"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["entry", "moved away"]


def descriptor_of(held: Hold) -> int:
    assert held._descriptor is not None
    return os.dup(held._descriptor)
