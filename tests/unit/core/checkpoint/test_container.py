"""Containers: what is in a file is what its digest says, and plain."""

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from lumina_cli.core.checkpoint.container import content_digest
from lumina_cli.core.checkpoint.model_file import save_model
from lumina_cli.tokenizer.characters import CharacterTokenizer
from tests.unit.core.checkpoint.forging import (
    TOKENIZER,
    forged,
    packed,
    repacked,
    sealed,
    some_model,
    unsealed,
)
from tests.unit.core.checkpoint.whole_files import METADATA, refused


def test_the_digest_is_that_of_the_content_by_hand() -> None:
    header: Any = {"b": [1, "é"], "a": None}
    expected = hashlib.sha256(
        b'{"a": null, "b": [1, "\\u00e9"]}'
        b"\nx torch.float32 [2]\n\x00\x00\x80\x3f\x00\x00\x00\x40"
        b"\ny torch.int64 [1, 1]\n\x07\x00\x00\x00\x00\x00\x00\x00"
    ).hexdigest()
    tensors = {"y": torch.tensor([[7]]), "x": torch.tensor([1.0, 2.0])}
    assert content_digest(header, tensors) == expected


@pytest.mark.parametrize("change", ["metadata", "characters", "weight"])
def test_the_digest_changes_with_the_content(tmp_path: Path, change: str) -> None:
    model = some_model()
    metadata: Any = {"steps": 4 if change == "metadata" else 3}
    tokenizer = CharacterTokenizer("abcdé") if change == "characters" else TOKENIZER
    if change == "weight":
        torch.nn.init.constant_(model.ln_f.bias, 1e-30)
    digests = [
        save_model(
            tmp_path / "A.pth", model=some_model(), tokenizer=TOKENIZER, metadata={"steps": 3}
        ),
        save_model(tmp_path / "B.pth", model=model, tokenizer=tokenizer, metadata=metadata),
    ]
    assert digests[0] != digests[1]


def test_packed_bytes_are_refused_before_they_are_unpacked(tmp_path: Path, whole: bytes) -> None:
    deflated = repacked(
        whole, lambda new, name, data: new.writestr(name, data, zipfile.ZIP_DEFLATED)
    )
    assert "not as torch stores them" in refused(tmp_path / "Model.pth", deflated)


def test_two_members_of_one_name_are_refused(tmp_path: Path, whole: bytes) -> None:
    def twice(new: zipfile.ZipFile, name: str, data: bytes) -> None:
        new.writestr(name, data)
        if name.endswith("version"):
            with pytest.warns(UserWarning, match="Duplicate"):
                new.writestr(name, data)

    assert "not as torch stores them" in refused(tmp_path / "Model.pth", repacked(whole, twice))


def test_a_wrong_digest_is_refused(tmp_path: Path) -> None:
    content = torch.load(io.BytesIO(unsealed(forged())), weights_only=True)  # noqa: TID251
    data = sealed(packed({**content, "digest": "0" * 64}))
    assert "digest" in refused(tmp_path / "Model.pth", data)


def test_one_storage_for_many_weights_is_refused(tmp_path: Path) -> None:
    weights = some_model().state_dict()
    shared = torch.zeros(max(tensor.numel() for tensor in weights.values()))
    small = {name: shared[: t.numel()].view(t.shape) for name, t in weights.items()}
    refused(tmp_path / "Model.pth", forged(weights=small))


def test_a_tensor_larger_than_its_bytes_is_refused_and_takes_no_memory(tmp_path: Path) -> None:
    def enlarge(new: zipfile.ZipFile, name: str, data: bytes) -> None:
        if name.endswith("data.pkl"):
            number, huge = b"M\x08\x01", b"J\x00\xca\x9a\x3b"  # 264 and 10⁹, as pickles write them
            assert number in data
            data = data.replace(number, huge)
        new.writestr(name, data)

    weights = {name: torch.zeros(264) for name in some_model().state_dict()}
    refused(tmp_path / "Model.pth", repacked(forged(weights=weights), enlarge))


def test_endless_nesting_is_refused(tmp_path: Path) -> None:
    def nest(new: zipfile.ZipFile, name: str, data: bytes) -> None:
        if name.endswith("data.pkl"):
            before, empty_list, after = data.partition(b"]")  # as pickles write it; `a` appends
            data = before + empty_list * 100_000 + b"a" * 99_999 + after
        new.writestr(name, data)

    data = repacked(forged(metadata={"x": []}), nest)
    assert "plain values" in refused(tmp_path / "Model.pth", data)


def test_metadata_that_no_reader_would_take_is_not_written(tmp_path: Path) -> None:
    metadata: Any = {"val_nats_per_char": float("nan")}
    with pytest.raises(AssertionError):
        save_model(
            tmp_path / "Model.pth", model=some_model(), tokenizer=TOKENIZER, metadata=metadata
        )


def test_a_header_is_json_of_the_same_values(whole: bytes) -> None:
    content = torch.load(io.BytesIO(unsealed(whole)), weights_only=True)  # noqa: TID251
    header = {key: value for key, value in content.items() if key not in ("tensors", "digest")}
    assert json.loads(json.dumps(header)) == header
    assert header["metadata"] == METADATA
