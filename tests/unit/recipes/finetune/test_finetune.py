"""How fine-tuning is set up (whole runs are in tests/recipes)."""

import os
from pathlib import Path

import pytest

from lumina_cli.core.checkpoint.model_file import load_model
from lumina_cli.data.batches import Replay
from lumina_cli.errors import OutputError
from lumina_cli.recipes.finetune import finetune as module
from lumina_cli.recipes.finetune.finetune import finetune
from lumina_cli.recipes.finetune.settings import finetune_settings
from lumina_cli.settings import FINETUNE_CONFIGS, resolve_settings
from tests.unit.recipes.tiny import tiny_run, written


@pytest.fixture
def model(tmp_path: Path) -> Path:
    list(tiny_run(tmp_path).run())
    return tmp_path / "Model.pth"


@pytest.mark.skipif(os.name == "nt", reason="Windows makes no links for everybody")
def test_by_no_name_the_base_is_written_over(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.pth").symlink_to(model)
    os.link(model, tmp_path / "other name.pth")
    for out in (model, Path("Model.pth"), Path("link.pth"), Path("other name.pth")):
        with pytest.raises(OutputError, match="never written over") as refused:
            module._check_apart(model, out)
        assert f"--out {tmp_path / 'Model-2.pth'}" in refused.value.hint
    module._check_apart(model, Path("Tuned.pth"))


def test_the_name_that_is_proposed_is_free(model: Path) -> None:
    for number in (2, 3):
        model.with_name(f"Model-{number}.pth").touch()
    assert module._free_name(model).name == "Model-4.pth"


def test_validation_files_that_are_repeated_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    old, _ = written(tmp_path, name="old.txt"), written(tmp_path, name="auto")
    replay = Replay((), 0.5)

    def told(replayed: str, *, repeats: bool = True) -> list[str]:
        settings = resolve_settings(FINETUNE_CONFIGS, flags={"replay": replayed}, environ={})
        return module._repeated_leaks(settings, replay if repeats else None, val_data=[old])

    (notice,) = told(str(old))
    assert "old.txt" in notice
    assert told("auto") == []  # no file, whatever lies there
    assert told(str(old), repeats=False) == []


def test_a_run_is_set_up_whole_before_it_begins(model: Path, tmp_path: Path) -> None:
    loaded = load_model(model)
    new = written(tmp_path, "кот сидит на ковре. " * 40, name="new.txt")
    settings = finetune_settings(loaded, flags={"max_steps": 1, "lora_rank": 2}, environ={})
    run = finetune(settings, model=model, loaded=loaded, data=[new], out=tmp_path / "Tuned.pth")
    job = run.job
    assert job.base is not None
    assert job.base.digest == loaded.digest
    assert job.base.loss.new is not None
    assert job.data.corpus.tokenizer.vocab_size > loaded.tokenizer.vocab_size
    assert job.model.vocab_size == job.data.corpus.tokenizer.vocab_size
    assert (job.peft.lora_rank, job.peft.num_new) == (2, 12)
    assert job.replay is not None
    assert job.plan_rows["base model"] == str(model)
    assert not (tmp_path / "Tuned.run").exists()
