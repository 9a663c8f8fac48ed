"""How a run of training from nothing is set up (whole runs are in tests/recipes)."""

import time
from pathlib import Path
from typing import Any

import pytest
import torch

from lumina_cli.errors import OutputError
from lumina_cli.recipes.train import pretrain as module
from lumina_cli.recipes.train.autosize import Choice
from lumina_cli.recipes.train.pretrain import pretrain
from lumina_cli.settings import TRAIN_CONFIGS, resolve_settings
from tests.unit.recipes.tiny import tiny_run, tiny_settings, written


def test_whether_the_model_can_be_written_is_asked_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is a folder"):
        pretrain(tiny_settings(), data=[tmp_path / "nowhere.txt"], out=tmp_path)


def test_without_data_the_usual_is_learnt_or_that_of_the_preset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = written(tmp_path)
    monkeypatch.setattr(module, "usual_data", lambda: [usual])
    run = pretrain(tiny_settings(), data=[], out=tmp_path / "Model.pth")
    assert run.job.data.source.names == (str(usual),)
    demo = resolve_settings(TRAIN_CONFIGS, flags={}, environ={}, preset="demo")
    assert module._default_data(demo) == [Path("starter")]


def test_the_weights_come_from_the_seed_alone(tmp_path: Path) -> None:
    one, same, other = (tiny_run(tmp_path, seed=seed).job.model for seed in (1, 1, 2))
    assert torch.equal(one.wte.weight, same.wte.weight)
    assert not torch.equal(one.wte.weight, other.wte.weight)


@pytest.mark.parametrize("names_a_shape", [False, True])
def test_a_model_is_chosen_where_nobody_named_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names_a_shape: bool
) -> None:
    asked_s: list[float] = []
    shape = {"hidden_size": 24, "num_layers": 2, "num_heads": 3, "seq_length": 8, "batch_size": 4}

    def choose(*_: object, seconds: float, **__: object) -> Choice:
        asked_s.append(seconds)
        return Choice(shape, 1_000, 9_000, 10.0, 32)

    monkeypatch.setattr(module, "autosize", choose)
    given: dict[str, Any] = {"hidden_size": 16, "num_heads": 2} if names_a_shape else {}
    settings = resolve_settings(TRAIN_CONFIGS, flags={"minutes": 1, **given}, environ={})
    started_s = time.monotonic() - 20
    data = written(tmp_path)
    run = pretrain(settings, data=[data], out=tmp_path / "Model.pth", started_s=started_s)
    hidden_size = run.job.model.config.hidden_size
    if names_a_shape:
        assert (hidden_size, asked_s) == (16, [])
    else:
        assert hidden_size == 24
        assert 0 < asked_s[0] <= 40
        assert any("24 wide, 2 layers" in notice for notice in run.job.notices)
