"""The cache is kept small, and what is used stays."""

import os
import sys
import time
from pathlib import Path

import pytest

from lumina_cli.io import cache_folder as cache
from lumina_cli.io.cache_folder import hold, prune

DAY_S = 24 * 3600


def entry(folder: Path, name: str, *, age_s: float = 0, num_bytes: int = 10) -> Path:
    """Make an entry that was used so long ago."""
    path = folder / name
    path.mkdir()
    (path / "train.bin").write_bytes(b"x" * num_bytes)
    (path / "corpus.json").write_bytes(b"{}")
    then_s = time.time() - age_s
    for each in (*path.iterdir(), path):
        os.utime(each, (then_s, then_s))
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_entries_used_least_recently_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MOST_ENTRIES", 3)
    for age in range(5):
        entry(tmp_path, f"{age} hours old", age_s=age * 3600)
    prune(tmp_path)
    assert names(tmp_path) == ["0 hours old", "1 hours old", "2 hours old"]


def test_an_entry_that_is_opened_becomes_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MOST_ENTRIES", 2)
    for age in range(3):
        entry(tmp_path, f"{age} hours old", age_s=age * 3600)
    descriptor = hold(tmp_path / "2 hours old")
    if descriptor is not None:
        os.close(descriptor)
    prune(tmp_path)
    assert names(tmp_path) == ["0 hours old", "2 hours old"]


def test_entries_beyond_the_bytes_go_but_never_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MOST_BYTES", 1000)
    entry(tmp_path, "older", age_s=60, num_bytes=10)
    entry(tmp_path, "newest", num_bytes=5000)
    prune(tmp_path)
    assert names(tmp_path) == ["newest"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps open files by itself")
def test_an_entry_that_is_held_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST_ENTRIES", 1)
    entry(tmp_path, "newest")
    held = entry(tmp_path, "held")
    descriptor = hold(held)
    assert descriptor is not None
    then_s = time.time() - DAY_S
    os.utime(held / "corpus.json", (then_s, then_s))
    prune(tmp_path)
    assert names(tmp_path) == ["held", "newest"]
    os.close(descriptor)
    prune(tmp_path)
    assert names(tmp_path) == ["newest"]


def test_leftovers_go_after_a_day_and_what_is_being_built_stays(tmp_path: Path) -> None:
    for name, age_s in (("building-old", 1.1 * DAY_S), ("building-young", 0.9 * DAY_S)):
        leftover = entry(tmp_path, name, age_s=age_s)
        (leftover / "corpus.json").unlink()
        then_s = time.time() - age_s
        os.utime(leftover, (then_s, then_s))
    long_building = entry(tmp_path, "building-long", age_s=3 * DAY_S)
    os.utime(long_building / "train.bin")  # written this very moment
    prune(tmp_path)
    assert names(tmp_path) == ["building-long", "building-young"]


def test_what_is_no_entry_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST_ENTRIES", 0)
    (tmp_path / "notes").mkdir()
    (tmp_path / "file").write_bytes(b"mine")
    prune(tmp_path)
    prune(tmp_path / "missing")
    assert names(tmp_path) == ["file", "notes"]
