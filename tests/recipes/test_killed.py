"""`kill -9` at any moment loses no work and leaves no half file to be taken for a whole one."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: a kill loses nothing that was written, on any
    disk, and there nobody waits for thousands of syncs."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(dir=shared) as folder:
        yield Path(folder)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only POSIX can fork")
@pytest.mark.parametrize("kills", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_run_killed_again_and_again_ends_as_the_one_that_was_not(
    in_memory: Path, kills: int
) -> None:
    command = [sys.executable, "-m", "tests.recipes.killing", str(in_memory), str(kills)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["problems"] == []
    assert seen["kills"] == kills
    assert seen["in_a_save"] > kills // 20
    assert seen["ended"] > 0
