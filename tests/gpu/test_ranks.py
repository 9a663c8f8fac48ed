"""Two GPUs, a process for each: the result of one, whatever the number format; and an end."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.cli.endings.test_ranks import running, wait_for_steps, workers

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there are no two CUDA devices"),
]
SHAPE = {"hidden-size": 64, "num-layers": 2, "nhead": 2, "seq-length": 64, "batch-size": 16}
SETTINGS = {**SHAPE, "device": "cuda", "dropout": 0, "optimizer": "muon", "max-steps": 20}


def command(folder: Path, *, nproc: int, **changes: object) -> list[str]:
    settings = {**SETTINGS, "nproc": nproc, **changes}
    flags = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
    return ["-m", "lumina_cli", "train", "--data", "starter", *flags]


def losses(folder: Path, *, nproc: int, **changes: object) -> list[float]:
    """The losses of a run in a folder of its own."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, *command(folder, nproc=nproc, **changes)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = (folder / "Model.run" / "metrics.jsonl").read_text().splitlines()
    return [each["loss"] for each in map(json.loads, lines) if each["event"] == "StepDone"]


@pytest.mark.parametrize(
    ("changes", "within"),
    [
        ({"precision": "fp32"}, 1e-4),
        ({"precision": "fp32", "optimizer": "adamw", "grad-accum": 3}, 1e-4),
        ({"precision": "bf16"}, 0.02),
        ({"precision": "fp16"}, 0.02),
        pytest.param({"precision": "bf16", "compile": "on"}, 0.02, marks=pytest.mark.slow),
    ],
)
def test_two_gpus_learn_what_one_learns(
    changes: dict[str, object], within: float, tmp_path: Path
) -> None:
    alone = losses(tmp_path / "one", nproc=1, **changes)
    assert losses(tmp_path / "two", nproc=2, **changes) == pytest.approx(alone, abs=within)


@pytest.mark.parametrize("victim", [0, 1])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_is_lost_ends_the_other(victim: int, number: int, tmp_path: Path) -> None:
    with running(tmp_path, *command(tmp_path, nproc=2, **{"max-steps": 1_000_000})) as process:
        wait_for_steps(tmp_path, 5)
        os.kill(workers(process)[victim], number)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 71
    assert f"error: rank {victim} " in stderr
