"""Runs that are killed or stopped, each part in a process of its own, lose nothing.

`kill -9` at any moment leaves no half file that is taken for a whole one.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]


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


FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="only POSIX can fork")


@FORKS
@pytest.mark.parametrize("kills", [30, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_run_killed_again_and_again_ends_as_the_one_that_was_not(
    in_memory: Path, kills: int
) -> None:
    command = [sys.executable, "-m", "tests.recipes.train.killing", str(in_memory), str(kills)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["problems"] == []
    assert seen["kills"] >= kills
    assert seen["in_a_save"] > 0  # some six of 30
    assert seen["ended"] > 0


@FORKS
@pytest.mark.parametrize(
    "steps",
    [[1, 22, 23, 59], pytest.param(list(range(1, 61)), marks=pytest.mark.slow)],
    ids=["some", "every"],
)
def test_a_run_stopped_after_any_step_ends_in_another_process_to_the_bit(
    in_memory: Path, steps: list[int]
) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.recipes.train.resuming",
        str(in_memory),
        *map(str, steps),
    ]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
