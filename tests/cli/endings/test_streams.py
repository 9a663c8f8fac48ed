"""Every command where stderr or stdout is closed, full, or read by nobody."""

import errno
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import pytest

from lumina_cli.cli.app import run
from lumina_cli.cli.errors import run_guarded
from lumina_cli.cli.lazy import COMMANDS
from lumina_cli.cli.streams import guard_streams
from lumina_cli.cli.verbosity import verbosity
from lumina_cli.core.checkpoint.model_file import load_model

UNBUFFERED = "PYTHONUNBUFFERED"
VERSE = "the cat sat on the mat and the dog sat on the log\n" * 40
SHAPE = ["--hidden-size", "16", "--num-layers", "1", "--nhead", "2", "--seq-length", "16"]
SHORT = ["--batch-size", "4", "--max-steps", "4", "--num-evals", "4", "--threads", "1"]
LINES: dict[str, list[str]] = {
    "help": ["--help"],
    "train --help": ["train", "--help"],
    "presets": ["train", "--list-presets"],
    "train": ["train", "--data", "verse.txt", *SHAPE, *SHORT, "-o", "new.pth", "--json"],
    "plan": ["train", "--data", "verse.txt", *SHAPE, *SHORT, "--dry-run", "--json"],
    "finetune": ["finetune", "--data", "verse.txt", *SHORT, "--seq-length", "16", "--json"],
    "chat": ["chat", "--prompt", "hello", "--max-chars", "5"],
    "generate": ["generate", "--prompt", "hello", "--max-chars", "5"],
    "export": ["export", "--to", "lumina", "--out", "small.pth"],
    "look": ["look", "hello", "--surprise", "--json"],
    "eval": ["eval", "--data", "verse.txt"],
    "info": ["info", "Model.pth"],
    "doctor": ["doctor"],
    "data check": ["data", "check", "verse.txt"],
    "data list": ["data", "list"],
    "docs": ["docs"],
    "data fetch": ["data", "fetch", "starter", "-o", "fetched", "--json"],
}
"""All of them end well, and write to stdout."""


@dataclass
class Bytes(io.RawIOBase):
    """A file that takes bytes, or fails with an error of the system from the first one on."""

    error: int | None = None

    def __post_init__(self) -> None:
        super().__init__()
        self.taken = b""

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        if self.error is not None:
            raise OSError(self.error, os.strerror(self.error))
        self.taken += bytes(data)
        return len(data)

    def as_text(self) -> TextIO:
        return io.TextIOWrapper(io.BufferedWriter(self), encoding="utf-8", line_buffering=True)


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, letters_model: Path) -> Path:
    (tmp_path / "verse.txt").write_text(VERSE, encoding="utf-8")
    (tmp_path / "Model.pth").write_bytes(letters_model.read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verbosity, "level", 0)
    return tmp_path


def run_with(
    monkeypatch: pytest.MonkeyPatch,
    line: list[str],
    *,
    stdout: int | None = None,
    stderr: int | None = None,
) -> Outcome:
    """Run a command line as `main` does; a number says with which error a stream fails."""
    out, err = Bytes(stdout), Bytes(stderr)
    monkeypatch.setattr(sys, "stdout", out.as_text())
    monkeypatch.setattr(sys, "stderr", err.as_text())
    guard_streams()
    code = run_guarded(lambda: run(line))
    flushed = run_guarded(sys.stdout.flush)
    sys.stdout.close()  # as Python does when it ends: what is left in buffers must raise nothing
    sys.stderr.close()
    return Outcome(code or flushed, out.taken.decode(), err.taken.decode())


def test_each_command_is_tried_here() -> None:
    tried = {line[0] for line in LINES.values() if not line[0].startswith("-")}
    assert tried | {"serve", "watch"} == set(COMMANDS)  # these end by signals: see test_serve.py


@pytest.mark.parametrize("name", LINES)
def test_a_full_disk_under_stdout_is_told_and_one_under_stderr_is_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    done = run_with(monkeypatch, LINES[name], stdout=errno.ENOSPC)
    assert done.code == 74
    assert "Traceback" not in done.err
    assert "error: stdout can't be written: No space left on device" in done.err
    done = run_with(monkeypatch, LINES[name], stderr=errno.ENOSPC)
    assert done.code == 0
    assert done.out.strip()
    if "--json" in LINES[name]:
        assert json.loads(done.out.splitlines()[-1])


@pytest.mark.parametrize("name", LINES)
def test_where_nobody_reads_a_command_ends_well_and_quietly(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    done = run_with(monkeypatch, LINES[name], stdout=errno.EPIPE)
    assert done.code == 0
    assert "rror" not in done.err
    done = run_with(monkeypatch, LINES[name], stdout=errno.EPIPE, stderr=errno.EPIPE)
    assert done.code == 0
    if name == "train":
        assert (folder / "new.pth").exists()


@pytest.mark.parametrize("error", [errno.EPIPE, errno.EIO, errno.EBADF], ids=errno.errorcode.get)
@pytest.mark.parametrize(
    ("line", "code"), [(["info", "nowhere.pth"], 66), (["info", "--nothing"], 2), (["trian"], 2)]
)
def test_an_error_that_can_not_be_told_keeps_its_exit_code(
    folder: Path, monkeypatch: pytest.MonkeyPatch, line: list[str], code: int, error: int
) -> None:
    assert run_with(monkeypatch, line, stderr=error).code == code
    assert run_with(monkeypatch, line, stderr=error, stdout=error).code == code


SHELLS = {
    "stdout and stderr closed": ('"$@" >&- 2>&-', 0),
    "all closed": ('"$@" <&- >&- 2>&-', 0),
    "full": ('"$@" >/dev/full 2>/dev/full', 74),
    "nobody reads": ('{ "$@"; echo $? >&3; } 3>&1 2>&1 >&1 | :; exit 0', 0),
}
IN_TURN = [(name, bool(number % 2)) for number, name in enumerate(SHELLS)]
"""Each shell with the buffers of Python or without; the other halves are slow, and the first: the
second closes more."""


@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
@pytest.mark.parametrize(
    ("name", "is_unbuffered"),
    [
        *IN_TURN[1:],
        pytest.param(*IN_TURN[0], marks=pytest.mark.slow),
        *(pytest.param(name, not each, marks=pytest.mark.slow) for name, each in IN_TURN),
    ],
)
def test_streams_that_a_shell_has_closed_harm_no_file(
    folder: Path, name: str, is_unbuffered: bool
) -> None:
    shell, code = SHELLS[name]
    if "/dev/full" in shell and not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    words = [sys.executable, "-m", "lumina_cli", *LINES["train"]]
    environment = {name: value for name, value in os.environ.items() if name != UNBUFFERED}
    environment |= {UNBUFFERED: "1"} if is_unbuffered else {}
    shell_line = ["sh", "-c", shell, "sh", *words]
    done = subprocess.run(shell_line, check=False, capture_output=True, env=environment)
    assert done.returncode == code
    assert b"Traceback" not in done.stderr
    assert load_model(folder / "new.pth").metadata["steps"]
