"""Two commands at once on the same files: both end as they should, and every file is whole."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from lumina_cli.errors import OutputError
from lumina_cli.recipes.run.run import TrainingRun
from tests.recipes.train.test_resume import begun, gone_on, interrupt

REPOSITORY = Path(__file__).resolve().parents[3]
MANY = int(os.environ.get("PAIRS", "1000"))
SOME = 14
"""Half of all pairs: each command with some others, or with itself."""


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: nobody waits for thousands of syncs."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(dir=shared) as folder:
        yield Path(folder)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only POSIX can fork")
@pytest.mark.parametrize("pairs", [SOME, pytest.param(MANY, marks=pytest.mark.slow)])
def test_any_two_commands_at_once_leave_every_file_whole(in_memory: Path, pairs: int) -> None:
    command = [sys.executable, "-m", "tests.recipes.run.pairs", str(in_memory), str(pairs)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["problems"] == []
    assert seen["pairs"] == pairs
    assert sum(seen["ends"].values()) == 2 * pairs
    assert {name.split()[0] for name in seen["ends"] if name.endswith(" 0")} == {
        *("train", "resume", "finetune", "save", "load"),
        *("generate", "eval", "fetch", "check", "type"),
    }


@pytest.mark.parametrize("other", [gone_on, begun], ids=["goes on with it", "begins anew"])
def test_a_run_is_not_gone_on_with_that_another_command_has_changed_since(
    tmp_path: Path, other: Callable[[Path], TrainingRun]
) -> None:
    interrupt(begun(tmp_path), step=7)
    planned = gone_on(tmp_path)
    list(other(tmp_path).run())
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.pth")}
    with pytest.raises(OutputError, match=r"another run has trained in .*Model\.run"):
        list(planned.run())
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.pth")} == before
    list(gone_on(tmp_path, max_steps=30).run())
