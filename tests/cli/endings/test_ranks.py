"""Runs of several processes: one of them is lost or stopped, and the run ends well or goes on."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lumina_cli.core.checkpoint.store import CheckpointStore
from tests.cli.endings.test_interrupted import VERSE, begin

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the processes"),
]
PATIENCE_S = 120.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "verse.txt").write_text(VERSE, encoding="utf-8")
    return tmp_path


@contextmanager
def running(folder: Path, *command: str) -> Iterator[subprocess.Popen[str]]:
    """A command in a folder; its children end with it."""
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
    ) as process:
        try:
            yield process
        finally:
            for worker in workers(process, least=0):
                os.kill(worker, signal.SIGKILL)
            process.kill()


def launched(folder: Path, *more: str) -> list[str]:
    return ["-m", "lumina_cli", "train", "--nproc", "2", *begin(folder, *more)]


def torchrun(folder: Path, *more: str) -> list[str]:
    run = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return [*run, "-m", "lumina_cli", "train", *begin(folder, *more)]


def until(condition: Callable[[], bool], *, what: str) -> None:
    limit_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < limit_s, f"{what}: never"
        time.sleep(0.05)


def workers(process: subprocess.Popen[str], *, least: int = 2) -> list[int]:
    """The processes of a launch, the first rank first."""
    found: dict[int, int] = {}

    def all_there() -> bool:
        for path in Path("/proc").glob("[0-9]*"):
            try:
                status = (path / "stat").read_text().rpartition(")")[2].split()
                if int(status[1]) != process.pid:
                    continue
                variables = (path / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            ranks = [int(each[5:]) for each in variables if each.startswith(b"RANK=")]
            if ranks:
                found[ranks[0]] = int(path.name)
        return len(found) >= least

    until(all_there, what="workers")
    return [found[rank] for rank in sorted(found)]


def events(folder: Path, kind: str) -> list[dict[str, object]]:
    path = folder / "Model.run" / "metrics.jsonl"
    if not path.exists():
        return []
    lines = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
    return [line for line in lines if line["event"] == kind]


def wait_for_steps(folder: Path, num: int) -> None:
    until(lambda: len(events(folder, "StepDone")) >= num, what=f"step {num}")


def newest(folder: Path) -> int:
    return CheckpointStore(folder / "Model.run" / "checkpoints").steps()[0]


@pytest.mark.parametrize("whom", ["launcher", "first", "second", "all"])
def test_a_signal_to_any_saves_and_ends_all(whom: str, folder: Path) -> None:
    with running(folder, *launched(folder)) as process:
        wait_for_steps(folder, 5)
        first, second = workers(process)
        told = {
            "launcher": [process.pid],
            "first": [first],
            "second": [second],
            "all": [process.pid, first, second],
        }[whom]
        for each in told:
            os.kill(each, signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 128 + signal.SIGTERM, stderr
    assert newest(folder) == events(folder, "StepDone")[-1]["step"], stderr
    assert events(folder, "Finished")[-1]["reason"] == "interrupted"
    assert "Traceback" not in stderr
    assert stdout == ""


@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_process_ends_the_run_and_is_named(victim: int, folder: Path) -> None:
    with running(folder, *launched(folder)) as process:
        wait_for_steps(folder, 3)
        os.kill(workers(process)[victim], signal.SIGKILL)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 71
    assert f"error: rank {victim} was ended by signal 9 (SIGKILL)" in stderr
    assert "--resume" in stderr
    assert "Traceback" not in stderr


@pytest.mark.parametrize("victim", [0, 1])
def test_a_process_that_stands_still_is_ended_and_named(victim: int, folder: Path) -> None:
    with running(folder, *launched(folder)) as process:
        wait_for_steps(folder, 3)
        os.kill(workers(process)[victim], signal.SIGSTOP)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 71
    assert f"error: rank {victim} stood still for 15 seconds and was ended" in stderr


@pytest.mark.parametrize("command", [launched, torchrun])
@pytest.mark.parametrize("victim", [0, 1])
def test_a_run_goes_on_by_itself_from_its_newest_checkpoint(
    victim: int, command: Callable[..., list[str]], folder: Path
) -> None:
    (folder / "Model.run").mkdir()
    (folder / "Model.run" / "metrics.jsonl").write_text('{"event": "RunStarted", "step": 0}\n')
    arguments = command(folder, "--save-every", "20")
    place = arguments.index("train" if command is launched else "--standalone") + 1
    arguments[place:place] = ["--max-restarts", "1"]
    with running(folder, *arguments) as process:
        until(lambda: len(events(folder, "CheckpointSaved")) > 2, what="checkpoint")
        os.kill(workers(process)[victim], signal.SIGKILL)
        until(lambda: len(events(folder, "RunStarted")) == 2, what="start anew")
        number = len(events(folder, "StepDone"))
        wait_for_steps(folder, number + 5)
        os.kill(process.pid, signal.SIGTERM)
        _, stderr = process.communicate(timeout=PATIENCE_S)
    again = events(folder, "RunStarted")[1]["step"]
    assert isinstance(again, int)
    assert again >= 20
    assert f"Resuming from step {again}." in stderr
    assert newest(folder) == events(folder, "StepDone")[-1]["step"]
    assert len(list(folder.glob("Model*.run"))) == 2  # what was there before, moved aside once


@pytest.mark.parametrize(
    ("wrong", "code"), [(["--preset", "nothing-here"], 2), (["--data", "nothing-here"], 66)]
)
def test_an_error_is_told_once_and_with_its_own_code(
    wrong: list[str], code: int, folder: Path
) -> None:
    with running(folder, "-m", "lumina_cli", "train", "--nproc", "2", *wrong) as process:
        _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code, stderr
    assert stderr.count("error:") == 1
    assert stderr.count("nothing-here") == 1


def test_usr1_to_the_launcher_saves(folder: Path) -> None:
    with running(folder, *launched(folder, "--save-every", "10h")) as process:
        wait_for_steps(folder, 5)
        saved = len(events(folder, "CheckpointSaved"))
        os.kill(process.pid, signal.SIGUSR1)
        until(lambda: len(events(folder, "CheckpointSaved")) > saved, what="checkpoint")


def test_a_run_begun_by_one_goes_on_with_three_and_ends_with_two(folder: Path) -> None:
    for nproc, steps in (("1", "10"), ("3", "20"), ("2", "30")):
        goes_on = [] if nproc == "1" else ["--resume"]
        arguments = launched(folder, "--max-steps", steps, *goes_on)
        arguments[arguments.index("--nproc") + 1] = nproc
        with running(folder, *arguments) as process:
            _, stderr = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, stderr
    assert [event["step"] for event in events(folder, "StepDone")] == list(range(1, 31))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_processes_without_a_launcher_that_watches_train_too(folder: Path) -> None:
    """As `srun` starts them: the first one keeps the store."""
    port = str(_free_port())
    command = [sys.executable, "-m", "lumina_cli", "train", *begin(folder, "--max-steps", "10")]
    started = [
        subprocess.Popen(
            command,
            cwd=folder,
            stderr=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "RANK": str(rank),
                "WORLD_SIZE": "2",
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": port,
                "GLOO_SOCKET_IFNAME": "lo",
            },
        )
        for rank in range(2)
    ]
    ends = [process.communicate(timeout=PATIENCE_S)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], ends
    assert ends[1] == ""
    assert len(events(folder, "StepDone")) == 10
