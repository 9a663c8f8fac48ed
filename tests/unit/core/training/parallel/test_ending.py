"""What processes tell their launcher of how they ended."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lumina_cli.core.training.parallel.ending import Ending, find_ending
from lumina_cli.core.training.parallel.place import END_FOLDER


def test_what_was_told_first_stands(tmp_path: Path) -> None:
    launcher, worker = Ending(tmp_path), Ending(tmp_path)
    assert launcher.code is None
    worker.tell_code(143)
    worker.tell_code(71)
    worker.tell_why("rank 1 stood still")
    assert launcher.code == 143
    assert launcher.why == "rank 1 stood still"


def test_a_process_that_begins_anew_forgets_who_was_lost(tmp_path: Path) -> None:
    ending = Ending(tmp_path)
    ending.tell_why("rank 1 stood still")
    ending.tell_process(0)
    assert ending.why == ""


def test_without_a_folder_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(END_FOLDER, raising=False)
    ending = find_ending()
    ending.tell_code(1)
    ending.tell_process(0)
    ending.send_to_first(signal.SIGTERM)
    ending.kill_workers()
    assert (ending.is_told, ending.code, ending.why) == (False, None, "")


def test_a_folder_that_is_gone_stops_nobody(tmp_path: Path) -> None:
    ending = Ending(tmp_path / "gone")
    ending.tell_code(1)
    ending.tell_process(0)
    assert ending.code is None


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_signals_reach_the_processes(tmp_path: Path) -> None:
    wait = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(wait) as first, subprocess.Popen(wait) as second:
        for rank, process in enumerate((first, second)):
            (tmp_path / f"pid-{rank}").write_text(str(process.pid))
        ending = Ending(tmp_path)
        ending.send_to_first(signal.SIGUSR1)
        assert first.wait(30) == -signal.SIGUSR1
        ending.kill_workers()
        assert second.wait(30) == -signal.SIGKILL
