from pathlib import Path
from typing import Any

import pytest
import torch

from lumina_cli.core.checkpoint.container import write_container
from lumina_cli.core.checkpoint.model_file import load_model, save_model
from lumina_cli.core.checkpoint.rounding import (
    ROUNDINGS,
    Rounding,
    round_weights,
    widen_weights,
)
from lumina_cli.core.inference.speculative.ngram import build_ngram_table
from lumina_cli.errors import ModelFileError, NotFiniteError
from tests.unit.core.checkpoint.forging import CONFIG, TOKENIZER, some_model

WEIGHTS = {
    "a.weight": torch.tensor([[1.0, -127.0, 0.3], [0.0, 0.0, 0.0]]),
    "a.bias": torch.tensor([1 / 3, 2.0]),
}
SHAPES = {"a.weight": (2, 3), "a.bias": (2,)}


@pytest.mark.parametrize(
    ("rounding", "row"),
    [
        ("fp16", [1.0, -127.0, 0.300048828125]),
        ("bf16", [1.0, -127.0, 0.30078125]),
        ("int8", [1.0, -127.0, 0.0]),
    ],
)
def test_matrices_are_rounded_and_vectors_are_not(rounding: Rounding, row: list[float]) -> None:
    weights = widen_weights(round_weights(WEIGHTS, rounding), rounding, shapes=SHAPES)
    assert torch.equal(weights["a.weight"], torch.tensor([row, [0.0, 0.0, 0.0]]))
    assert torch.equal(weights["a.bias"], WEIGHTS["a.bias"])
    assert all(weight.dtype == torch.float32 for weight in weights.values())


def saved(path: Path, rounding: Rounding) -> Path:
    draft = build_ngram_table(torch.arange(6, 60).numpy().astype("int32"), max_bytes=1000)
    save_model(
        path,
        model=some_model(),
        tokenizer=TOKENIZER,
        metadata={"steps": 3},
        draft=draft,
        rounding=rounding,
    )
    return path


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_a_rounded_file_is_read_as_any_other(tmp_path: Path, rounding: Rounding) -> None:
    file = load_model(saved(tmp_path / "Model.pth", rounding))
    assert file.metadata == {"steps": 3}
    assert file.draft is not None
    state, before = file.model.state_dict(), some_model().state_dict()
    for name, weight in state.items():
        assert weight.dtype == torch.float32
        assert torch.allclose(weight, before[name], rtol=0.01, atol=float(weight.abs().max()) / 250)
    save_model(tmp_path / "Again.pth", model=file.model, tokenizer=TOKENIZER, metadata={})
    again = load_model(tmp_path / "Again.pth").model.state_dict()
    assert all(torch.equal(again[name], weight) for name, weight in state.items())


def test_it_is_half_or_a_quarter_of_the_size(tmp_path: Path) -> None:
    matrix = {"a.weight": torch.randn(256, 256)}
    for rounding, share in (("fp16", 0.5), ("bf16", 0.5), ("int8", 0.25)):
        stored = round_weights(matrix, rounding)  # type: ignore[arg-type]
        size = sum(tensor.nbytes for tensor in stored.values())
        assert size / matrix["a.weight"].nbytes == pytest.approx(share, rel=0.03)


def test_what_is_too_large_for_fp16_is_not_written(tmp_path: Path) -> None:
    model = some_model()
    with torch.no_grad():
        model.lm_head.weight[0, 0] = 1e6
    with pytest.raises(NotFiniteError, match="lm_head"):
        save_model(
            tmp_path / "x.pth", model=model, tokenizer=TOKENIZER, metadata={}, rounding="fp16"
        )
    assert not (tmp_path / "x.pth").exists()


def changed(what: str) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    stored = round_weights(some_model().state_dict(), "int8")
    header: dict[str, Any] = {}
    match what:
        case "rounding":
            header["rounding"] = "int1"
        case "none":
            header["rounding"] = None
        case "other":
            header["rounding"] = "fp16"
        case "dtype":
            stored["wte.weight"] = stored["wte.weight"].float()
        case "shape":
            stored["wte.weight"] = stored["wte.weight"][:-1].clone()
        case "scale":
            stored["wte.weight.scale"] = stored["wte.weight.scale"][:-1].clone()
        case "missing":
            del stored["wte.weight.scale"]
        case "infinite":
            stored["wte.weight.scale"] = stored["wte.weight.scale"] * torch.inf
    return header, stored


@pytest.mark.parametrize(
    "what", ["rounding", "none", "other", "dtype", "shape", "scale", "missing", "infinite"]
)
def test_a_forged_one_is_refused(tmp_path: Path, what: str) -> None:
    header, stored = changed(what)
    whole: dict[str, Any] = {
        "format": "lumina-model",
        "version": 4,
        "rounding": "int8",
        "model": CONFIG.model_dump(mode="json"),
        "tokenizer": TOKENIZER.to_json(),
        "metadata": {},
        **header,
    }
    write_container(tmp_path / "Model.pth", header=whole, tensors=stored)
    with pytest.raises(ModelFileError, match="is damaged"):
        load_model(tmp_path / "Model.pth")
