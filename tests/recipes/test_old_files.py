"""Files of older versions are what they were: models speak alike, and runs go on alike."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from lumina_cli.core.checkpoint.model_file import load_checkpoint, load_model
from lumina_cli.core.training.events import Evaluated, StepDone
from lumina_cli.recipes.finetune.finetune import resume_finetune
from lumina_cli.recipes.run.saving.validation_sample import read_sample
from lumina_cli.recipes.train.pretrain import pretrain
from lumina_cli.recipes.train.resume import find_run
from lumina_cli.settings import FINETUNE_CONFIGS, TRAIN_CONFIGS

OLD_FILES = Path(__file__).parents[1] / "old_files"
EXPECTED: dict[str, Any] = json.loads((OLD_FILES / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture
def old_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy to work on, which is the current folder."""
    shutil.copytree(OLD_FILES, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", EXPECTED["models"])
def test_an_old_model_has_the_ids_and_the_logits_it_had(name: str) -> None:
    expected, held = EXPECTED["models"][name], load_model(OLD_FILES / name)
    ids = held.tokenizer.encode(expected["logits_of"])
    with torch.no_grad():
        logits = held.model(torch.tensor([ids]))[0, -1].tolist()
    assert held.digest == expected["digest"]
    assert (0 if held.draft is None else held.draft.nbytes) == expected["draft_bytes"]
    assert ids == expected["ids"]
    assert logits[:8] == pytest.approx(expected["first_logits"], abs=1e-4)
    assert logits[-8:] == pytest.approx(expected["last_logits"], abs=1e-4)


@pytest.mark.usefixtures("old_files")
@pytest.mark.parametrize("name", EXPECTED["runs"])
def test_an_old_run_goes_on_as_it_would_have(name: str) -> None:
    expected, is_tuned = EXPECTED["runs"][name], EXPECTED["runs"][name]["command"] == "finetune"
    resumed = find_run(
        Path("runs", name, "Model.run"),
        out=None,
        default_out=Path("Model.pth"),
        flags={"max_steps": 10},
        kinds=FINETUNE_CONFIGS if is_tuned else TRAIN_CONFIGS,
    )
    run = (
        resume_finetune(resumed)
        if is_tuned
        else pretrain(resumed.settings, data=resumed.data, out=resumed.out, resumed=resumed)
    )
    events = list(run.run())
    losses = {str(event.step): event.loss for event in events if isinstance(event, StepDone)}
    nats = {str(e.step): e.nats_per_char for e in events if isinstance(e, Evaluated)}
    assert losses == pytest.approx({step: expected["losses"][step] for step in losses}, rel=1e-4)
    assert list(losses) == ["7", "8", "9", "10"]
    assert nats == pytest.approx({step: expected["nats_per_char"][step] for step in nats}, rel=1e-4)
    assert "10" in nats


@pytest.mark.parametrize("name", EXPECTED["runs"])
def test_an_old_sample_of_validation_text_is_read(name: str) -> None:
    folder, expected = OLD_FILES / "runs" / name / "Model.run", EXPECTED["runs"][name]["sample"]
    checkpoint = load_checkpoint(next(folder.glob("checkpoints/*.pth")))
    sample = read_sample(folder, tokenizer=checkpoint.tokenizer)
    assert sample is not None
    ids, in_loss = sample.slice(0, len(sample))
    assert (len(ids), int(in_loss.sum())) == (expected["num_ids"], expected["num_in_loss"])
    assert list(checkpoint.tokenizer.character_ids) == list(expected["characters"])
