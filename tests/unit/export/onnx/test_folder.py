import json
from pathlib import Path
from typing import Any

import pytest

from lumina_cli.errors import ExportError
from lumina_cli.export.onnx import check as checking
from lumina_cli.export.onnx import folder as under_test
from lumina_cli.export.onnx.folder import GRAPH, export_onnx
from tests.unit.export.tiny_exports import leftovers, tiny_export, tiny_file

onnx = pytest.importorskip("onnx", reason="the graph is written by onnx")

from lumina_cli.onnx import onnx_graph  # noqa: E402


@pytest.fixture(autouse=True)
def _runtime() -> None:
    pytest.importorskip("onnxruntime", reason="ONNX Runtime reads the graph again")
    pytest.importorskip("tokenizers", reason="it reads the tokenizer again")


@pytest.mark.parametrize("position_encoding", ["sinusoidal", "rotary"])
@pytest.mark.parametrize("dtype", ["fp32", "fp16", "int8"])
def test_onnx_runtime_computes_the_same(tmp_path: Path, position_encoding: str, dtype: Any) -> None:
    job = tiny_export(tiny_file(position_encoding=position_encoding), dtype=dtype)
    compared = export_onnx(job, tmp_path / "out")
    assert compared is not None
    assert compared.logit is not None
    assert compared.logit < {"fp32": 1e-4, "fp16": 0.1, "int8": 1.0}[dtype]
    assert compared.exported_loss == pytest.approx(compared.loss, rel=0.01)
    assert compared.num_texts == 1000
    assert leftovers(tmp_path, "out") == []


def test_what_transformers_js_looks_for_lies_beside_the_graph(tmp_path: Path) -> None:
    export_onnx(tiny_export(tiny_file(), dtype="int8"), tmp_path / "out")
    names = {path.relative_to(tmp_path / "out").as_posix() for path in tmp_path.rglob("*.*")}
    assert names - {".", "lumina-export.json", "README.md"} == {
        "config.json",
        "generation_config.json",
        "onnx/model.onnx",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    config = json.loads((tmp_path / "out" / "config.json").read_text(encoding="utf-8"))
    assert config["transformers.js_config"] == {"dtype": "fp32"}
    assert config["model_type"] == "gpt2"


def test_wrong_weights_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = under_test.graph_of

    def with_a_wrong_head(job: Any) -> Any:
        graph = real(job)
        numbers = graph.tensors["lm_head.weight"]
        return graph._replace(tensors={**graph.tensors, "lm_head.weight": numbers + 0.01})

    monkeypatch.setattr(under_test, "graph_of", with_a_wrong_head)
    with pytest.raises(ExportError, match="in its logits"):
        export_onnx(tiny_export(tiny_file()), tmp_path / "out")
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("dtype", ["fp32", "int8"])
def test_weights_that_one_file_can_t_hold_lie_in_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: Any
) -> None:
    monkeypatch.setattr(onnx_graph, "MAX_FILE_BYTES", 10_000)
    compared = export_onnx(tiny_export(tiny_file(), dtype=dtype), tmp_path / "out")
    assert compared is not None
    assert compared.exported_loss == pytest.approx(compared.loss, rel=0.01)
    folder = tmp_path / "out"
    sizes = {path.name: path.stat().st_size for path in (folder / "onnx").iterdir()}
    assert set(sizes) == {"model.onnx", "model.onnx_data"}
    assert sizes["model.onnx"] < sizes["model.onnx_data"]
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    beside = config["transformers.js_config"]["use_external_data_format"]
    assert beside == {"model.onnx": True}
    onnx.checker.check_model(str(folder / GRAPH))
    export_onnx(tiny_export(tiny_file(), dtype=dtype), folder)  # both are known as ours


def test_without_onnx_runtime_nothing_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "optional", lambda _: None)
    assert export_onnx(tiny_export(tiny_file()), tmp_path / "out") is None
    assert (tmp_path / "out" / GRAPH).is_file()
