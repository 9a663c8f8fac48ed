"""A model measured on a text that a person names."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from lumina_cli.core.checkpoint.model_file import load_model
from lumina_cli.core.config import ComputeConfig, EngineConfig
from lumina_cli.data.config import DataConfig
from lumina_cli.errors import DataError, MissingInputError
from lumina_cli.recipes.infer import evaluate as module
from lumina_cli.recipes.infer.engines import is_installed
from lumina_cli.recipes.infer.evaluate import EvalReport, evaluate_model
from lumina_cli.settings import EVAL_DEFAULTS, resolve_settings
from lumina_cli.tokenizer.special_ids import Special
from tests.unit.recipes.tiny import written

TEXT = "the dog sat"
needs_onnx = pytest.mark.skipif(not is_installed(), reason="needs the extra [fast]")


def measured(model: Path, data: Path, **flags: Any) -> EvalReport:
    settings = resolve_settings(
        (DataConfig, ComputeConfig, EngineConfig), flags=flags, environ={}, base=EVAL_DEFAULTS
    )
    return evaluate_model(model, data=[data], settings=settings)


def test_all_of_the_text_counts_and_none_is_set_apart(trained: Path, tmp_path: Path) -> None:
    loaded = load_model(trained)
    ids = torch.tensor([[Special.BEGIN, *loaded.tokenizer.encode(TEXT)]])
    with torch.no_grad():
        logits = loaded.model.eval()(ids[:, :-1])
    nats = F.cross_entropy(logits[0], ids[0, 1:], reduction="sum").item() / len(TEXT)
    found = measured(trained, written(tmp_path, TEXT), val_fraction=0.5).evaluation
    assert found.characters == len(TEXT)
    assert found.nats_per_char == pytest.approx(nats, rel=1e-5)
    assert found.bits_per_char == pytest.approx(nats / math.log(2), rel=1e-5)


@needs_onnx
def test_int8_costs_less_than_half_a_percent(trained: Path, tmp_path: Path) -> None:
    data = written(tmp_path, TEXT * 20)
    exact, rounded = (measured(trained, data, precision=p).evaluation for p in ("fp32", "int8"))
    assert rounded.nats_per_char != exact.nats_per_char
    assert rounded.nats_per_char == pytest.approx(exact.nats_per_char, rel=0.005)
    assert rounded.characters == exact.characters


@needs_onnx
def test_either_engine_measures_the_same(trained: Path, tmp_path: Path) -> None:
    data = written(tmp_path, TEXT * 20)
    one, other = (measured(trained, data, engine=name).evaluation for name in ("torch", "onnx"))
    assert one.nats_per_char == pytest.approx(other.nats_per_char, rel=1e-5)
    assert one.accuracy == other.accuracy


def test_threads_are_those_asked_for(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(module.torch, "set_num_threads", asked.append)
    measured(trained, written(tmp_path, TEXT))
    measured(trained, written(tmp_path, TEXT), threads=3)
    assert asked == [3]


def test_settings_that_change_nothing_are_told(trained: Path, tmp_path: Path) -> None:
    report = measured(trained, written(tmp_path, TEXT), oasst_lang="de")
    assert len(report.notices) == 1
    assert "oasst_lang has no effect" in report.notices[0]
    assert measured(trained, written(tmp_path, TEXT)).notices == ()


def test_what_can_not_be_measured_is_told(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MissingInputError):
        measured(tmp_path / "nowhere.pth", written(tmp_path, TEXT))
    monkeypatch.setattr(module, "validation_batches", lambda *_, **__: iter(()))
    with pytest.raises(DataError, match="no character of the data counts") as refused:
        measured(trained, written(tmp_path, TEXT))
    assert "--loss-on all" in refused.value.hint
