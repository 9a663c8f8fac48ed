"""Files that are no models of ours are called what they are."""

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from lumina_cli.core.checkpoint.model_file import load_model
from lumina_cli.errors import ModelFileError
from tests.unit.core.checkpoint.forging import packed


def nanogpt() -> dict[str, Any]:
    """Return what nanoGPT's `train.py` saves, but for its size."""
    weights = {"transformer.wte.weight": torch.zeros(65, 8), "lm_head.weight": torch.zeros(65, 8)}
    args = {"n_layer": 1, "n_head": 1, "n_embd": 8, "block_size": 8, "vocab_size": 65}
    return {"model": weights, "model_args": args, "iter_num": 5, "best_val_loss": 1.5, "config": {}}


def safetensors() -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(4)


def office_document() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("[Content_Types].xml", "<Types/>")
    return data.getvalue()


FILES = {
    "a checkpoint of nanoGPT": lambda: packed(nanogpt()),
    "a PyTorch file of another program": lambda: packed({"w": torch.zeros(2)}),
    "a checkpoint of PyTorch Lightning": lambda: packed({"pytorch-lightning_version": "2.5"}),
    "a safetensors file of another program": safetensors,
    "a model of llama.cpp (GGUF)": lambda: b"GGUF" + bytes(40),
    "an office document": office_document,
    "text": lambda: "Es war einmal … ein König.\n".encode() * 300,
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_of_another_program_is_called_what_it_is(what: str, tmp_path: Path) -> None:
    path = tmp_path / "file.pth"
    path.write_bytes(FILES[what]())
    with pytest.raises(ModelFileError) as caught:
        load_model(path)
    assert what in caught.value.message
    assert "lumina train --data" in caught.value.hint


def test_text_that_is_given_as_a_model_can_be_trained_on_by_pasting_the_hint(
    tmp_path: Path,
) -> None:
    path = tmp_path / "my book.txt"
    path.write_text("Once.\n", encoding="utf-8")
    with pytest.raises(ModelFileError) as caught:
        load_model(path)
    assert caught.value.hint == f"Train a model on it: lumina train --data '{path}'"


@pytest.mark.parametrize("data", [b"", b"\x00\x01\x02", b"\xff" * 100, b"a\x07b"])
def test_what_is_not_known_is_no_model_and_the_hint_says_how_to_get_one(
    data: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "file.pth"
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match="is not a lumina model") as caught:
        load_model(path)
    assert "--preset demo" in caught.value.hint
