"""Runs that are stopped, killed and starved, in processes of their own."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from lumina_cli.core.checkpoint.model_file import load_checkpoint
from lumina_cli.core.checkpoint.store import CheckpointStore
from tests.cli.endings.forked import Forked, forked

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")

VERSE = "the cat sat on the mat and the dog sat on the log\n" * 20
SHAPE = {"hidden-size": 16, "num-layers": 1, "nhead": 2, "seq-length": 16, "batch-size": 4}
TINY = [word for name, value in SHAPE.items() for word in (f"--{name}", str(value))]
ENDLESS = ["--max-steps", "1000000", "--threads", "1", "--num-evals", "1", "--eval-chars", "64"]
PATIENCE_S = 60.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "verse.txt").write_text(VERSE, encoding="utf-8")
    return tmp_path


def training(folder: Path, *arguments: str) -> AbstractContextManager[Forked]:
    return forked("train", *arguments, folder=folder)


def begin(folder: Path, *more: str) -> list[str]:
    return ["--data", str(folder / "verse.txt"), *TINY, *ENDLESS, *more]


def wait_for_step(folder: Path, step: int) -> None:
    """Wait until the run has told of a step."""
    metrics, limit = folder / "Model.run" / "metrics.jsonl", time.monotonic() + PATIENCE_S
    while time.monotonic() < limit:
        if metrics.exists() and f'"event": "StepDone", "step": {step},' in metrics.read_text():
            return
        time.sleep(0.02)
    raise AssertionError("the run does not get on")


def newest(folder: Path) -> Path:
    return CheckpointStore(folder / "Model.run" / "checkpoints").newest().path


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        signal.SIGHUP,
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(signal.SIGXCPU, marks=pytest.mark.slow),
        pytest.param(signal.SIGRTMIN + 1, marks=pytest.mark.slow),
    ],
)
def test_the_first_signal_saves_and_tells_how_to_go_on(folder: Path, number: int) -> None:
    with training(folder, *begin(folder)) as process:
        wait_for_step(folder, 3)
        process.send_signal(number)
        _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 128 + number
    assert "lumina train --resume" in err
    values = load_checkpoint(newest(folder)).state
    assert values["num_steps"] >= 3
    with training(
        folder, "--resume", "--max-steps", str(values["num_steps"] + 2), "--json"
    ) as again:
        out, err = again.communicate(timeout=PATIENCE_S)
    assert again.returncode == 0, err
    assert json.loads(out)["steps"] == values["num_steps"] + 2


@pytest.mark.slow
def test_under_nohup_a_terminal_that_closes_changes_nothing(folder: Path) -> None:
    words = ["-m", "lumina_cli", "train", *begin(folder, "--max-steps", "400")]
    command = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh", sys.executable, *words]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE) as process:
        wait_for_step(folder, 3)
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert load_checkpoint(newest(folder)).state["num_steps"] == 400


def test_a_run_whose_stderr_is_gone_goes_on_and_saves(folder: Path) -> None:
    with training(folder, *begin(folder, "--max-steps", "100", "--num-evals", "40")) as process:
        wait_for_step(folder, 3)
        process.stderr.close()
        process.wait(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert load_checkpoint(newest(folder)).state["num_steps"] == 100
    assert (folder / "Model.pth").exists()


def test_the_second_signal_ends_at_once(folder: Path) -> None:
    with training(folder, *begin(folder)) as process:
        wait_for_step(folder, 3)
        # Stopped, it receives both signals before it can act on the first.
        process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode in (128 + signal.SIGINT, 128 + signal.SIGTERM)
    assert not (folder / "Model.pth").exists()  # nobody took the time to save


IN_A_LONG_OPERATION = """
import torch
from lumina_cli.cli.signals import stop_signals

torch.set_num_threads(1)
matrix = torch.randn(4000, 4000)
with stop_signals(stop=lambda: print("stopping", flush=True), save=lambda: None):
    print("ready", flush=True)
    torch.linalg.svd(matrix)  # takes a minute, in which Python runs no handler
"""


def test_the_second_signal_does_not_wait_for_an_operation_of_torch() -> None:
    command = [sys.executable, "-c", IN_A_LONG_OPERATION]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "stopping\n"
        process.send_signal(signal.SIGINT)
        sent_s = time.monotonic()
        try:
            assert process.wait(timeout=30) == 128 + signal.SIGINT  # a bound for hanging only
            print(f"it left after {time.monotonic() - sent_s:.2f} s")
        finally:
            process.kill()


def test_usr1_saves_now_and_the_run_goes_on(folder: Path) -> None:
    with training(folder, *begin(folder)) as process:
        wait_for_step(folder, 3)
        process.send_signal(signal.SIGUSR1)
        limit = time.monotonic() + PATIENCE_S
        store = CheckpointStore(folder / "Model.run" / "checkpoints")
        while max(store.steps(), default=0) < 3 and time.monotonic() < limit:
            time.sleep(0.02)
        assert max(store.steps()) >= 3
        assert process.returncode is None


@pytest.mark.slow
def test_a_second_run_on_the_folder_exits_73(folder: Path) -> None:
    with training(folder, *begin(folder)) as process:
        wait_for_step(folder, 1)
        with training(folder, *begin(folder)) as second:
            _, err = second.communicate(timeout=PATIENCE_S)
        assert second.returncode == 73
        assert str(process.pid) in err


LIMITED = """
import resource, sys
limit = int(sys.argv[1]) << 20
from lumina_cli.recipes.train import compute, pretrain  # loaded before the limit holds
if sys.argv[2] == "surprise":
    compute.available_memory_bytes = lambda device: None  # nobody tells how much there is
import torch._dynamo
from lumina_cli.cli.app import app
from lumina_cli.cli.errors import run_guarded
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + limit,) * 2)
sys.exit(run_guarded(lambda: app(sys.argv[3:], standalone_mode=False)))
"""


def train_under_a_limit(folder: Path, limit_mb: int, known: str) -> tuple[int, str]:
    """Return how a run ended that may take so much more than it has once all is loaded.

    In fp32: for bf16 oneDNN makes code for each shape, 100 MB of it, and may crash without room.
    """
    (folder / "verse.txt").write_text(VERSE * 20, encoding="utf-8")
    big = ["--hidden-size", "64", "--num-layers", "2", "--nhead", "2", "--seq-length", "128"]
    arguments = [*big, "--batch-size", "128", "--micro-batch-size", "128"]
    arguments += ["--max-steps", "2", "--threads", "1", "--precision", "fp32"]
    limited = [sys.executable, "-c", LIMITED, str(limit_mb), known]
    command = [*limited, "train", "--data", "verse.txt", *arguments]
    ended = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    return ended.returncode, ended.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
@pytest.mark.parametrize(
    ("known", "told"),
    [
        ("surprise", "Memory ran out at step"),
        pytest.param("known", "steps are done in micro-batches", marks=pytest.mark.slow),
    ],
)
def test_a_run_under_a_limit_of_memory_splits_its_steps_and_ends_well(
    folder: Path, known: str, told: str
) -> None:
    code, err = train_under_a_limit(folder, 150, known)
    assert code == 0, err
    assert told in err


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
@pytest.mark.parametrize("limit_mb", [14, 20, 24, 28, 32])
def test_where_memory_is_too_little_for_anything_the_run_says_so(
    folder: Path, limit_mb: int
) -> None:
    code, err = train_under_a_limit(folder, limit_mb, "known")
    assert code in (0, 74, 75), err  # done, not saved, or not computed
    assert "Traceback" not in err
    assert code == 0 or "memory" in err.splitlines()[-2] + err.splitlines()[-1], err
