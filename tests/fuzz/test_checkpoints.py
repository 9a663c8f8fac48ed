"""Checkpoints that anybody could make: each is a run to go on with, or is refused."""

import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from lumina_cli.core.checkpoint.container import read_container
from lumina_cli.core.checkpoint.model_file import VERSIONS
from lumina_cli.core.training.events import StepDone
from lumina_cli.recipes.finetune.finetune import resume_finetune
from lumina_cli.recipes.train.pretrain import pretrain
from lumina_cli.recipes.train.resume import find_run
from lumina_cli.settings import FINETUNE_CONFIGS, TRAIN_CONFIGS

from .bounds import fuzzed, reads_or_refuses
from .mutations import VALUES, file_changed, randoms

OLD_FILES = Path(__file__).parents[1] / "old_files"
CHECKPOINT = Path("Model.run", "checkpoints", "step-00000006.pth")


@pytest.fixture
def old_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(OLD_FILES, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def go_on(path: Path, name: str) -> None:
    """Go on with a run for a step."""
    is_tuned = name in ("lora", "freeze")
    resumed = find_run(
        path,
        out=None,
        default_out=Path("Model.pth"),
        flags={"max_steps": 7},
        kinds=FINETUNE_CONFIGS if is_tuned else TRAIN_CONFIGS,
    )
    run = (
        resume_finetune(resumed)
        if is_tuned
        else pretrain(resumed.settings, data=resumed.data, out=resumed.out, resumed=resumed)
    )
    for event in run.run():
        if isinstance(event, StepDone):
            break


@pytest.mark.parametrize("name", ["adamw", "muon", "lora"])
def test_a_changed_checkpoint_goes_on_or_is_refused(name: str, old_files: Path) -> None:
    path = old_files / "runs" / name / CHECKPOINT
    data = path.read_bytes()
    held = read_container(path, kind="lumina-checkpoint", versions=VERSIONS)
    header: Any = held.header
    assert reads_or_refuses(lambda: go_on(path, name))

    @fuzzed
    @given(rng=randoms(), odd=VALUES)
    def check(rng: random.Random, odd: Any) -> None:
        changed = file_changed(data, rng, header=header, tensors=held.tensors, odd=odd)
        path.write_bytes(changed)
        reads_or_refuses(lambda: go_on(path, name))

    check()
