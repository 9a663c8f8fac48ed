"""A process among several ends so that no other waits for it, and tells why but once."""

import errno
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lumina_cli.cli.errors import run_guarded
from lumina_cli.cli.ranks import run_as_rank
from lumina_cli.core.training.parallel.ending import Ending
from lumina_cli.core.training.parallel.place import END_FOLDER, Place
from lumina_cli.errors import GroupError
from tests.unit.core.training.parallel.group import can_fork

pytestmark = can_fork
PATIENCE_S = 60.0


def place(index: int) -> Place:
    return Place(
        index,
        world_size=2,
        local_rank=index,
        local_world_size=2,
        machine=0,
        address="127.0.0.1",
        port=1,
        run_id="a",
        restart=0,
        has_agent=True,
    )


def end_of(run: Callable[[], object], *, index: int, folder: Path) -> tuple[int | None, str]:
    """Return the exit code of a rank that has not joined the others, and what it told."""

    def work() -> None:
        os.environ[END_FOLDER] = str(folder)
        sys.stderr = (folder / f"stderr-{index}").open("w", buffering=1, encoding="utf-8")
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os._exit(run_as_rank(run_guarded, run, place=place(index)))

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join(PATIENCE_S)
    return process.exitcode, (folder / f"stderr-{index}").read_text()


def test_ctrl_c_before_the_first_step_ends_a_process_as_one_that_is_lost(tmp_path: Path) -> None:
    def run() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()

    assert end_of(run, index=1, folder=tmp_path)[0] == -signal.SIGINT
    assert Ending(tmp_path).code is None


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 74),
        (MemoryError(), 75),
    ],
)
def test_what_nobody_translates_is_known_to_the_launcher_by_its_code(
    error: Exception, code: int, tmp_path: Path
) -> None:
    def run() -> None:
        raise error

    assert end_of(run, index=1, folder=tmp_path)[0] == 0  # no restart mends it
    assert Ending(tmp_path).code == code
    assert end_of(run, index=0, folder=tmp_path)[0] == 0


def test_an_error_of_one_that_is_not_the_first_is_told_where_the_first_has_none(
    tmp_path: Path,
) -> None:
    def run() -> None:
        raise MemoryError

    assert end_of(run, index=1, folder=tmp_path)[1].startswith("error: memory ran out")
    assert end_of(run, index=0, folder=tmp_path)[1] == ""  # told already


def test_who_learns_of_the_end_of_another_ends_with_its_code() -> None:
    assert GroupError("rank 1 could not read a file", code=66).exit_code == 66
    assert GroupError("rank 1 was lost").exit_code == 71
