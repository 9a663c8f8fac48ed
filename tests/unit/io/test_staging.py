"""What is written beside its place, and what a killed process left there."""

import ast
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import lumina_cli
from lumina_cli.cli.chat.history import MAX_ENTRIES, LineHistory
from lumina_cli.data.hub.dataset_folder import Manifest, new_folder
from lumina_cli.errors import OutputError
from lumina_cli.export.place import export_file, export_folder
from lumina_cli.io.atomic import write_atomically
from lumina_cli.io.staging import NEW, OLD, is_staging_name, staging_file, staging_folder
from tests.failing import contents, failures

SOURCE = Path(lumina_cli.__file__).parent
MAKERS = {"staging_file", "staging_folder", "mkdtemp", "mkstemp", "TemporaryDirectory"}
MAKERS |= {"NamedTemporaryFile", "TemporaryFile", "make_folder"}
KNOWN = {
    "io/atomic.py": "any file",
    "export/place.py": "an export, a page of look",
    "data/hub/dataset_folder.py": "a data set",
    "io/folders/cache_folder.py": "an entry of the cache: marked, locked, gone after a day",
    "io/folders/user_folders.py": "in the system's temporary folder, and kept there",
    "core/training/step/compiled.py": "in the system's temporary folder, and kept there",
    "recipes/launch.py": "in the system's temporary folder, which the system empties",
}
"""Modules that write anything under another name for a while."""

POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no such locks")


def made_up_names() -> Iterator[str]:
    for path in SOURCE.rglob("*.py"):
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)) if any(name in text for name in MAKERS) else ():
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if name in MAKERS:
                    yield path.relative_to(SOURCE).as_posix()


def test_every_place_that_stages_is_known() -> None:
    assert set(made_up_names()) == set(KNOWN)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def write_file(folder: Path) -> None:
    write_atomically(folder / "Model.pth", b"new")


def write_export(folder: Path) -> None:
    with export_folder(folder / "Model-hf") as new:
        (new / "below").mkdir()
        (new / "below" / "a.txt").write_text("new", encoding="utf-8")


def write_exported_file(folder: Path) -> None:
    with export_file(folder / "Model.gguf", is_ours=lambda path: path.is_file()) as new:
        write_atomically(new, b"new")


def write_data(folder: Path) -> None:
    manifest = Manifest("poems", source="a test", revision="", licence="")
    with new_folder(folder / "poems_data", manifest=manifest) as writer:
        list(writer.write_part("train", [{"text": "new"}]))


def write_history(folder: Path) -> None:
    path = folder / "history"
    path.write_text("".join(f'"{n}"\n' for n in range(2 * MAX_ENTRIES + 1)), encoding="utf-8")
    LineHistory(path)


WRITERS = [write_file, write_export, write_exported_file, write_data, write_history]
Writer = Callable[[Path], None]
each_writer = pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)


@POSIX
@each_writer
def test_the_next_one_removes_what_a_killed_process_left(tmp_path: Path, write: Writer) -> None:
    (tmp_path / "whole").mkdir()
    write(tmp_path / "whole")
    whole = contents(tmp_path / "whole")
    was_left = 0
    for failure in failures(tmp_path, write, write, code=None):
        was_left += any(name.startswith(".") for name in names(failure.folder))
        write(failure.folder)
        assert contents(failure.folder) == whole, failure.call
        assert len(names(failure.folder)) == 1, failure.call
    assert was_left or write is write_history


@POSIX
@each_writer
def test_what_a_process_is_still_writing_stays(tmp_path: Path, write: Writer) -> None:
    write(tmp_path)
    (path,) = tmp_path.iterdir()
    with staging_file(path) as (file, handle), staging_folder(path, is_ours=bool) as folder:
        (folder / NEW).write_bytes(b"half")
        write(tmp_path)
        assert file.exists()
        assert (folder / NEW).read_bytes() == b"half"
        os.close(handle)
    assert names(tmp_path) == {path.name}


HOLDER = """
import os, sys
from pathlib import Path
from lumina_cli.io.staging import staging_file, staging_folder
path = Path(sys.argv[1])
with staging_file(path) as (file, _), staging_folder(path, is_ours=bool) as folder:
    print(file.name, folder.name, flush=True)
    sys.stdin.read()
"""


@POSIX
def test_only_a_process_that_is_gone_leaves_what_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "Model.pth"
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        left = set(process.stdout.readline().split())
        write_atomically(path, b"new")
        assert names(tmp_path) == {path.name, *left}
        process.kill()
    assert names(tmp_path) == {path.name, *left}
    write_atomically(path, b"newer")
    assert names(tmp_path) == {path.name}


def a_leftover(path: Path) -> str:
    with staging_file(path) as (staging, handle):
        os.close(handle)
    return staging.name


@POSIX
def test_only_a_name_that_was_made_for_this_place_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "Model.pth"
    name = a_leftover(path)
    assert is_staging_name(name, of="Model.pth")
    mine = {
        a_leftover(tmp_path / "Other.pth"),
        a_leftover(tmp_path / "Other.pth").replace("Other", "Model"),
        name.replace("writing", "written"),
        name[:-12] + "0000" + name[-8:],
        ".Model.pth.0123456789abcdef.writing",
        ".Model.pth.writing",
        ".Model.pth..writing",
    }
    for each in (name, *mine):
        (tmp_path / each).write_bytes(b"mine")
    write_atomically(path, b"new")
    assert names(tmp_path) == mine | {"Model.pth"}


@POSIX
@pytest.mark.parametrize("kind", ["link", "link to a folder", "pipe", "a file of theirs in it"])
def test_what_is_no_leftover_of_ours_is_left_alone(tmp_path: Path, kind: str) -> None:
    path, mine = tmp_path / "Model.pth", tmp_path / "mine"
    mine.mkdir()
    (mine / "diary.txt").write_text("dear diary", encoding="utf-8")
    leftover = tmp_path / a_leftover(path)
    match kind:
        case "link":
            leftover.symlink_to(mine / "diary.txt")
        case "link to a folder":
            leftover.symlink_to(mine)
        case "pipe":
            os.mkfifo(leftover)
        case _:
            leftover.mkdir()
            (leftover / "notes.txt").write_text("mine", encoding="utf-8")
            (leftover / NEW).symlink_to(mine)
    write_atomically(path, b"new")
    assert os.path.lexists(leftover)
    assert (mine / "diary.txt").read_text(encoding="utf-8") == "dear diary"
    assert kind != "a file of theirs in it" or (leftover / "notes.txt").exists()


@POSIX
def test_what_was_moved_aside_is_put_back(tmp_path: Path) -> None:
    path = tmp_path / "Model-hf"
    aside = tmp_path / a_leftover(path) / OLD
    aside.mkdir(parents=True)
    (aside / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="left alone"):
        write_export(tmp_path)
    assert contents(tmp_path) == {"Model-hf/notes.txt": b"mine"}


@POSIX
@pytest.mark.parametrize("is_ours", [False, True])
def test_what_was_moved_aside_goes_where_its_place_is_taken_if_it_is_ours(
    tmp_path: Path, *, is_ours: bool
) -> None:
    path = tmp_path / "Model-hf"
    aside = tmp_path / a_leftover(path) / OLD
    write_export(tmp_path)
    aside.parent.mkdir()
    path.rename(aside)
    if not is_ours:
        (aside / "notes.txt").write_text("mine", encoding="utf-8")
    path.mkdir()
    write_export(tmp_path)
    assert aside.exists() == (not is_ours)
