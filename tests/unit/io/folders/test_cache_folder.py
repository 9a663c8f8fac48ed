"""The cache is kept small, what is used stays, and nothing of anybody else's is touched."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lumina_cli.errors import StorageError
from lumina_cli.io.folders import cache_folder as cache
from lumina_cli.io.folders.cache_folder import (
    GOES_ON,
    PROGRESS,
    build_entry,
    corpora_folder,
    discard_entry,
    hold_entry,
    prune,
)
from lumina_cli.io.folders.owned_folder import (
    BUILDING,
    HAS_LOCKS,
    MARKER,
    Marker,
    make_folder,
    read_marker,
)

DAY_S = 24 * 3600
ON_WINDOWS = sys.platform == "win32"


def entry(folder: Path, name: str, *, age_s: float = 0, num_bytes: int = 10) -> Path:
    """Make an entry that was used so long ago."""
    held = build_entry(folder / name, lambda path: fill(path, num_bytes=num_bytes))
    assert held is not None
    held.release()
    grow_old(held.path, age_s=age_s)
    return held.path


def fill(path: Path, *, num_bytes: int = 10) -> None:
    (path / "train.bin").write_bytes(b"x" * num_bytes)
    (path / "corpus.json").write_bytes(b"{}")


def grow_old(folder: Path, *, age_s: float) -> None:
    then_s = time.time() - age_s
    for each in (*folder.iterdir(), folder):
        os.utime(each, (then_s, then_s))


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
    held = hold_entry(tmp_path / "2 hours old")
    assert held is not None
    held.release()
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


@pytest.mark.skipif(ON_WINDOWS, reason="Windows keeps open files by itself")
def test_an_entry_that_is_held_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST_ENTRIES", 1)
    held = hold_entry(entry(tmp_path, "held"))
    assert held is not None
    grow_old(held.path, age_s=DAY_S)
    entry(tmp_path, "newest")
    prune(tmp_path)
    assert names(tmp_path) == ["held", "newest"]
    held.release()
    prune(tmp_path)
    assert names(tmp_path) == ["newest"]


@pytest.mark.skipif(ON_WINDOWS, reason="Windows keeps open files by itself")
def test_an_entry_is_held_from_before_it_can_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MOST_ENTRIES", 0)
    entry(tmp_path, "newest")
    real_rename = Path.rename

    def rename_and_prune(self: Path, target: Path) -> Path:
        moved = real_rename(self, target)
        monkeypatch.setattr(Path, "rename", real_rename)
        grow_old(target, age_s=DAY_S)
        prune(tmp_path)  # another run in this very moment
        return moved

    monkeypatch.setattr(Path, "rename", rename_and_prune)
    held = build_entry(tmp_path / "built", fill)
    assert held is not None
    assert names(held.path) == ["corpus.json", MARKER, "train.bin"]
    held.release()


def test_leftovers_go_after_a_day_and_what_is_being_built_stays(tmp_path: Path) -> None:
    folders = {}
    for age in (1.1, 0.9, 3):
        held = make_folder(tmp_path, name="entry")
        (held.path / "train.bin").write_bytes(b"half")
        held.release()
        grow_old(held.path, age_s=age * DAY_S)
        folders[age] = held.path
    os.utime(folders[3] / "train.bin")  # written this very moment
    prune(tmp_path)
    assert names(tmp_path) == sorted([folders[0.9].name, folders[3].name])


@pytest.mark.skipif(ON_WINDOWS, reason="Windows keeps open files by itself")
def test_what_a_process_still_builds_after_a_day_stays(tmp_path: Path) -> None:
    held = make_folder(tmp_path, name="entry")
    grow_old(held.path, age_s=2 * DAY_S)
    prune(tmp_path)
    assert names(tmp_path) == [held.path.name]
    held.release()


def test_what_could_not_be_removed_last_time_goes_at_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MOST_ENTRIES", 1)
    for age in (0, 1):
        entry(tmp_path, f"{age} hours old", age_s=age * 3600)

    def refuse(self: Path) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        prune(tmp_path)
    assert len(names(tmp_path)) == 2
    prune(tmp_path)
    assert names(tmp_path) == ["0 hours old"]


def folders_of_mine(folder: Path) -> None:
    """Leave what people keep in a folder of their own, under names as the cache uses them."""
    for name in ("building-plans", "removed-pages", "0" * 32, "1" * 32, "notes"):
        (folder / name).mkdir()
        for file in ("corpus.json", "train.bin", "thesis.txt"):
            (folder / name / file).write_text("mine", encoding="utf-8")
        grow_old(folder / name, age_s=400 * DAY_S)
    (folder / "building-permit").write_text("mine", encoding="utf-8")


def test_what_others_keep_beside_the_entries_stays_whatever_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MOST_ENTRIES", 0)
    folders_of_mine(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    prune(tmp_path)
    prune(tmp_path / "missing")
    assert sorted(tmp_path.rglob("*")) == before


def test_nothing_is_built_in_the_place_of_what_is_not_ours(tmp_path: Path) -> None:
    folders_of_mine(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert hold_entry(tmp_path / ("0" * 32)) is None
    with pytest.raises(StorageError, match="is in the way"):
        build_entry(tmp_path / ("0" * 32), fill)
    assert sorted(tmp_path.rglob("*")) == before


def test_encoded_text_has_a_folder_of_its_own_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUMINA_CACHE_DIR", str(tmp_path))
    assert corpora_folder().parent == tmp_path
    assert corpora_folder().name.startswith("lumina-")


def test_a_damaged_entry_that_is_discarded_makes_room_for_another(tmp_path: Path) -> None:
    held = hold_entry(entry(tmp_path, "entry"))
    assert held is not None
    discard_entry(held)
    assert names(tmp_path) == []
    assert hold_entry(held.path) is None


def test_an_entry_made_anew_is_not_discarded_for_the_one_before(tmp_path: Path) -> None:
    damaged = hold_entry(entry(tmp_path, "entry"))
    again = hold_entry(tmp_path / "entry")
    assert damaged is not None
    assert again is not None
    discard_entry(again)  # another process saw the same damage, and has made it anew since
    made_anew = entry(tmp_path, "entry", num_bytes=7)
    discard_entry(damaged)
    assert (made_anew / "train.bin").stat().st_size == 7


BUILDER = """
import sys
from pathlib import Path
from lumina_cli.io.folders import cache_folder
cache_folder.MOST_ENTRIES = 1
folder, me = Path(sys.argv[1]), int(sys.argv[2])

def fill(path):
    for name in ("corpus.json", "train.bin"):
        (path / name).write_text(path.name)

for turn in range(40):
    path = folder / f"entry {(me + turn) % 3}"
    for _ in range(20):
        held = cache_folder.hold_entry(path) or cache_folder.build_entry(path, fill)
        if held is not None:
            break
    assert held is not None, "no entry, however often it was built"
    for name in ("corpus.json", "train.bin"):  # nobody has taken half of it away
        assert (held.path / name).read_text()
    cache_folder.prune(folder)
    held.release()
"""


def test_processes_that_build_and_prune_at_once_get_whole_entries(tmp_path: Path) -> None:
    builders = [
        subprocess.Popen([sys.executable, "-c", BUILDER, str(tmp_path), str(number)])
        for number in range(6)
    ]
    assert [builder.wait(timeout=120) for builder in builders] == [0] * 6
    cache.prune(tmp_path)
    assert not [name for name in names(tmp_path) if name.startswith(("building-", "removed-"))]


def interrupted(path: Path, *, age_s: float = 0, keeps: bool = True) -> Path:
    """Leave a building that was interrupted, and return its folder."""

    def build(folder: Path) -> None:
        fill(folder)
        if keeps:
            (folder / PROGRESS).write_bytes(b"{}")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as interrupt:
        build_entry(path, build)
    found = [each for each in path.parent.iterdir() if each.name.startswith(BUILDING)]
    (left,) = [each for each in found if (read_marker(each) or Marker("", "")).name == path.name]
    assert getattr(interrupt.value, "__notes__", []) == ([GOES_ON] if keeps else [])
    grow_old(left, age_s=age_s)
    return left


needs_locks = pytest.mark.skipif(not HAS_LOCKS, reason="it needs locks of files")


@needs_locks
def test_an_interrupted_building_goes_on_in_the_same_folder(tmp_path: Path) -> None:
    interrupted(tmp_path / "one")
    seen: list[str] = []
    held = build_entry(tmp_path / "one", lambda folder: seen.extend(names(folder)))
    assert held is not None
    assert seen == ["corpus.json", MARKER, PROGRESS, "train.bin"]
    assert names(tmp_path) == ["one"]


@needs_locks
def test_another_entry_does_not_go_on_with_it(tmp_path: Path) -> None:
    left = interrupted(tmp_path / "one")
    seen: list[str] = []
    build_entry(tmp_path / "other", lambda folder: seen.extend(names(folder)))
    assert seen == [MARKER]
    assert names(tmp_path) == [left.name, "other"]


@needs_locks
def test_two_processes_do_not_go_on_with_the_same_building(tmp_path: Path) -> None:
    interrupted(tmp_path / "one")
    begun: list[list[str]] = []

    def build(folder: Path) -> None:
        begun.append(names(folder))
        if len(begun) == 1:
            build_entry(tmp_path / "one", build)

    build_entry(tmp_path / "one", build)
    assert [PROGRESS in each for each in begun] == [True, False]


def test_nothing_stays_where_there_are_no_locks_to_go_on_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    if HAS_LOCKS:
        monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(ValueError, match="not enough values"):
        interrupted(tmp_path / "one")
    assert names(tmp_path) == []


def test_an_interrupted_building_that_wrote_nothing_down_goes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not enough values"):
        interrupted(tmp_path / "one", keeps=False)
    assert names(tmp_path) == []


@needs_locks
def test_the_latest_interrupted_building_stays_for_a_day(tmp_path: Path) -> None:
    interrupted(tmp_path / "one", age_s=7200)
    latest = interrupted(tmp_path / "two", age_s=3600)
    prune(tmp_path)
    assert names(tmp_path) == [latest.name]
    grow_old(latest, age_s=DAY_S + 60)
    prune(tmp_path)
    assert names(tmp_path) == []
