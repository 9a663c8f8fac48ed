"""Every place that a command writes to, with everything in it that is no file of ours.

Whatever stands there is as it was, and the command says so instead of waiting.
"""

import os
import shutil
import signal
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest

from lumina_cli.core.training.events import StepDone
from lumina_cli.io.folders.run_folder import LOG, METRICS, OWN, SAMPLES
from lumina_cli.io.folders.run_names import REPORT, SETTINGS
from tests.recipes.train.test_resume import begun

from .conftest import Lumina

pytestmark = pytest.mark.skipif(os.name == "nt", reason="pipes, sockets and links of POSIX")

MODEL = ("--hidden-size", "32", "--num-layers", "1", "--nhead", "2", "--seq-length", "32",
         "--batch-size", "4", "--threads", "1", "--max-steps", "1", "-q")  # fmt: skip
MOST_S = 60


@pytest.fixture(autouse=True)
def _nothing_waits() -> Iterator[None]:
    """Fail where a command waits for somebody on the other side."""

    def waits(_: int, __: FrameType | None) -> None:
        raise AssertionError("it waits")

    before = signal.signal(signal.SIGALRM, waits)
    signal.alarm(MOST_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def a_socket(path: Path) -> None:
    server = socket.socket(socket.AF_UNIX)
    server.bind(path.name)  # the path itself may be too long for one


def a_folder(path: Path) -> None:
    path.mkdir()
    (path / "diary.txt").write_text("dear diary")


def a_file(path: Path) -> None:
    path.write_text("dear diary")


def a_link(path: Path) -> None:
    path.with_name("diary.txt").write_text("dear diary")
    path.symlink_to("diary.txt")


PLANTED: dict[str, Callable[[Path], None]] = {
    "a pipe": os.mkfifo,
    "a socket": a_socket,
    "a folder": a_folder,
    "a file": a_file,
    "a link": a_link,
    "a link to nothing": lambda path: path.symlink_to("nowhere/at/all"),
    "a loop": lambda path: path.symlink_to(path.name),
}
COMMANDS: dict[str, tuple[str, ...]] = {
    "train --out": ("train", "--data", "d.txt", *MODEL, "--out", "HERE.pth"),
    "train --log-file": ("train", "--data", "d.txt", *MODEL, "--log-file", "HERE.pth"),
    "data fetch --out": ("data", "fetch", "starter", "--out", "HERE.pth"),
}
TAKES = {("train --log-file", "a file"), ("train --log-file", "a link")}
"""A log is added to, wherever the user says."""


def state_of(folder: Path) -> dict[str, tuple[int, bytes | str]]:
    """Return what lies in a folder, links not followed."""
    found: dict[str, tuple[int, bytes | str]] = {}
    for path in sorted(folder.rglob("*")):
        kind = stat.S_IFMT(path.lstat().st_mode)
        content: bytes | str = path.read_bytes() if kind == stat.S_IFREG else ""
        found[str(path.relative_to(folder))] = (
            kind,
            str(path.readlink()) if path.is_symlink() else content,
        )
    return found


@pytest.mark.parametrize("planted", PLANTED)
@pytest.mark.parametrize("command", COMMANDS)
def test_what_stands_where_a_command_writes_is_as_it_was(
    lumina: Lumina, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, planted: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.txt").write_text("some words about cats and dogs\n" * 50)
    if planted == "a file" and command == "data fetch --out":
        (tmp_path / "HERE.pth").write_text("dear diary")
    else:
        PLANTED[planted](tmp_path / "HERE.pth")
    before = state_of(tmp_path)
    done = lumina(*COMMANDS[command])
    if (command, planted) in TAKES:
        assert done.code == 0, done.err
        return
    assert done.code in (73, 74), (done.code, done.err)
    assert "HERE.pth" in done.err
    after = state_of(tmp_path)
    assert {name: after.get(name) for name in before} == before


@pytest.fixture(scope="module")
def left_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was left after its first steps."""
    folder = tmp_path_factory.mktemp("left")
    run = begun(folder)
    for event in run.run():
        if isinstance(event, StepDone) and event.step == 3:
            run.stop()
    return folder


@pytest.mark.parametrize("planted", [kind for kind in PLANTED if kind != "a file"])
@pytest.mark.parametrize("name", sorted(OWN))
def test_what_stands_in_the_folder_of_a_run_is_never_written_through(
    lumina: Lumina,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    left_run: Path,
    name: str,
    planted: str,
) -> None:
    folder = tmp_path / "left"
    shutil.copytree(left_run, folder)
    place = folder / "Model.run" / name
    shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
    monkeypatch.chdir(place.parent)
    PLANTED[planted](place)
    (diary := place.with_name("diary.txt")).write_text("dear diary")
    monkeypatch.chdir(folder)
    done = lumina("train", "--resume", "-q", "--data", "text.txt", "--max-steps", "5")
    assert done.code in (0, 66, 73, 74), (done.code, done.err)
    assert "Traceback" not in done.err
    assert diary.read_text() == "dear diary"
    if planted == "a folder" and place.is_dir():
        assert (place / "diary.txt").read_text() == "dear diary"
    if name in (METRICS, SAMPLES, REPORT, LOG):
        assert done.code == 73, done.err
    assert name != SETTINGS or done.code in (0, 73)
