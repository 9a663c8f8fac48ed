"""Metadata: right types with impossible values are refused where the file is read."""

from pathlib import Path
from typing import Any

import pytest
import torch

from lumina_cli.core.checkpoint.container import read_container, write_container
from lumina_cli.core.checkpoint.model_file import (
    Checkpoint,
    load_checkpoint,
    load_model,
    save_checkpoint,
)
from lumina_cli.errors import ModelFileError

from .forging import CONFIG, TOKENIZER, forged, some_model

TEXT = {"paths": ["a.txt"], "settings": {"loss_on": "all"}, "seed": 1}


@pytest.mark.parametrize(
    "metadata",
    [
        {"lineage": 5},
        {"lineage": "text"},
        {"lineage": [5]},
        {"lineage": [{"trained_on": "abc"}]},
        {"learnt_from": 5},
        {"learnt_from": {"paths": []}},
        {"learnt_from": [[]]},
        {"learnt_from": [{}]},
        {"learnt_from": [{**TEXT, "paths": []}]},
        {"learnt_from": [{**TEXT, "paths": "abc"}]},
        {"learnt_from": [{**TEXT, "paths": ["a\0b"]}]},
        {"learnt_from": [{**TEXT, "seed": -1}]},
        {"learnt_from": [{**TEXT, "seed": 2**63}]},
        {"learnt_from": [{**TEXT, "seed": "1"}]},
        {"learnt_from": [{**TEXT, "settings": []}]},
        {"sampling": []},
        {"sampling": [["temperature", 1]]},
        {"sampling": {"temperature": {"x": 1}}},
        {"trained_on": "abc"},
        {"trained_on": [["a"]]},
        {"trained_on": {"a": 1}},
        {"seed": -1},
        {"seed": True},
        {"steps": -1},
        {"steps": 2**60},
        {"steps": 1.5},
        {"val_nats_per_char": -1.0},
        {"val_nats_per_char": 1e300},
        {"val_nats_per_char": "1"},
        {"share_of_learnt": 2.0},
        {"share_of_learnt": "all"},
        {"created": 2026},
        {"lumina_version": ["0.1"]},
        {"optimizer": []},
        {"loss_on": {}},
        {"conversations": []},
    ],
    ids=str,
)
def test_a_model_that_tells_what_can_not_be_is_refused(
    tmp_path: Path, metadata: dict[str, Any]
) -> None:
    (tmp_path / "Model.pth").write_bytes(forged(metadata=metadata))
    with pytest.raises(ModelFileError, match=f"what it tells of {next(iter(metadata))}"):
        load_model(tmp_path / "Model.pth")


def test_what_a_newer_version_tells_beside_is_kept(tmp_path: Path) -> None:
    metadata = {"mood": ["good"], "learnt_from": [{**TEXT, "colour": "red"}]}
    (tmp_path / "Model.pth").write_bytes(forged(metadata=metadata))
    assert load_model(tmp_path / "Model.pth").metadata == metadata


BASE = {
    "path": "/m.pth",
    "digest": "00",
    "vocab_size": 300,
    "metadata": {},
    "before": {"new": 1.0, "kept": None},
}


def checkpoint_file(path: Path, metadata: dict[str, Any]) -> Path:
    """Write a checkpoint whose metadata nobody checks."""
    tensors = {f"model/{name}": t for name, t in some_model().state_dict().items()}
    save_checkpoint(path, Checkpoint(CONFIG, TOKENIZER, {"settings": {}}, {}, tensors))
    header = read_container(path, kind="lumina-checkpoint", versions=(3,)).header
    write_container(path, header={**header, "metadata": metadata}, tensors=tensors)
    return path


@pytest.mark.parametrize(
    "metadata",
    [
        {"data": 5},
        {"data": "abc"},
        {"data": [5]},
        {"data": ["a\0b"]},
        {"val_data": {"a": 1}},
        {"machine": []},
        {"machine": {"threads": []}},
        {"preset": ["demo"]},
        {"preset": 5},
        {"corpus": 5},
        {"settings": []},
        {"settings": {"seed": {"a": 1}}},
        {"base": 5},
        {"base": {}},
        {"base": {**BASE, "vocab_size": -300}},
        {"base": {**BASE, "vocab_size": None}},
        {"base": {**BASE, "path": 5}},
        {"base": {**BASE, "metadata": {"lineage": 5}}},
        {"base": {**BASE, "before": []}},
        {"base": {**BASE, "before": {"new": "x", "kept": None}}},
    ],
    ids=str,
)
def test_a_checkpoint_that_tells_what_can_not_be_is_refused(
    tmp_path: Path, metadata: dict[str, Any]
) -> None:
    path = checkpoint_file(tmp_path / "step-00000001.pth", {"settings": {}, **metadata})
    with pytest.raises(ModelFileError, match=f"what it tells of {next(iter(metadata))}"):
        load_checkpoint(path)


def test_a_checkpoint_of_a_fine_tuned_run_is_read(tmp_path: Path) -> None:
    path = checkpoint_file(tmp_path / "step-00000001.pth", {"settings": {}, "base": BASE})
    assert load_checkpoint(path).metadata["base"] == BASE
    assert torch.equal(
        load_checkpoint(path).tensors["model/ln_f.bias"], some_model().state_dict()["ln_f.bias"]
    )
