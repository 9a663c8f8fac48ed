"""The model that fine-tuning begins from."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from lumina_cli.core.checkpoint.model_file import load_model
from lumina_cli.errors import MissingInputError, ModelFileError
from lumina_cli.recipes.finetune.base import (
    BaseLoss,
    base_from_facts,
    base_of,
    evaluate_base,
    load_base,
)
from lumina_cli.tokenizer.special_ids import Special
from tests.unit.recipes.tiny import learnt_whole, tiny_run, written


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A model that has had two steps, and its run beside it."""
    list(tiny_run(tmp_path).run())
    return tmp_path / "Model.pth"


def test_what_is_inherited_is_taken_from_its_file(path: Path) -> None:
    loaded = load_model(path)
    base = base_of(path, loaded)
    assert base.path.is_absolute()
    assert base.digest == loaded.digest
    assert base.vocab_size == loaded.tokenizer.vocab_size
    assert base.metadata["trained_on"] == [str(path.parent / "text.txt")]
    assert "steps" not in base.metadata
    assert base.loss == BaseLoss(None, None)


def test_a_checkpoint_tells_all_of_it(path: Path) -> None:
    base = replace(base_of(path, load_model(path)), loss=BaseLoss(1.5, 2.5))
    facts = json.loads(json.dumps(base.facts()))
    found = base_from_facts(facts, path=path)
    assert found.facts() == facts
    assert (found.path, found.loss) == (path, BaseLoss(1.5, 2.5))


@pytest.mark.parametrize(
    "change",
    [{"path": None}, {"metadata": 5}, {"before": {}}, {"before": None}, {"vocab_size": "many"}],
    ids=str,
)
def test_a_checkpoint_that_does_not_tell_it_is_damaged(path: Path, change: dict[str, Any]) -> None:
    facts = {**base_of(path, load_model(path)).facts(), **change}
    with pytest.raises(ModelFileError, match="does not tell its base model"):
        base_from_facts(facts, path=path)
    with pytest.raises(ModelFileError, match="does not tell its base model"):
        base_from_facts({}, path=path)


def test_its_loss_is_the_mean_over_the_characters(path: Path, tmp_path: Path) -> None:
    loaded = load_model(path)
    ids = torch.tensor([[Special.BEGIN, *loaded.tokenizer.encode("the cat sat")]])
    with torch.no_grad():
        logits = loaded.model.eval()(ids[:, :-1])
    nats = F.cross_entropy(logits[0], ids[0, 1:], reduction="sum").item() / len("the cat sat")
    path = written(tmp_path, "the cat sat", name="new.txt")
    new = learnt_whole(path, tokenizer=loaded.tokenizer)
    run = tiny_run(tmp_path, precision="fp32")
    found = evaluate_base(loaded, run.job.settings, new=new, replay=[], compute=run.job.compute)
    assert found.new == pytest.approx(nats, rel=1e-5)
    assert found.replay is None


def test_a_checkpoint_is_no_base_and_the_model_beside_it_is_named(path: Path) -> None:
    checkpoint = path.with_suffix(".run") / "checkpoints" / "step-00000002.pth"
    with pytest.raises(ModelFileError, match="is a checkpoint of a run") as refused:
        load_base(checkpoint)
    assert f"--model {path}" in refused.value.hint
    alone = path.with_name("alone.pth")
    alone.write_bytes(checkpoint.read_bytes())
    with pytest.raises(ModelFileError, match="is a checkpoint of a run") as refused:
        load_base(alone)
    assert "--model Model.pth" in refused.value.hint


def test_what_is_neither_is_told_as_what_it_is(path: Path, tmp_path: Path) -> None:
    assert load_base(path).digest == load_model(path).digest
    with pytest.raises(MissingInputError):
        load_base(tmp_path / "nowhere.pth")
    with pytest.raises(ModelFileError) as refused:
        load_base(written(tmp_path, "no model", name="notes.pth"))
    assert "checkpoint of a run" not in refused.value.message
