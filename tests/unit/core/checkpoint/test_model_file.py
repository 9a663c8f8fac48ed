"""Model files: what is written is read back, and nothing else is ever read."""

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lumina_cli.core.checkpoint.container import read_container, write_container
from lumina_cli.core.checkpoint.model_file import load_model, save_model
from lumina_cli.errors import ModelFileError
from tests.unit.core.checkpoint.forging import (
    CONFIG,
    TOKENIZER,
    forged,
    packed,
    repacked,
    sealed,
    some_model,
    unsealed,
    with_tokenizer,
)
from tests.unit.core.checkpoint.whole_files import METADATA, refused


def with_weight(name: str, tensor: torch.Tensor) -> dict[str, torch.Tensor]:
    return {**some_model().state_dict(), name: tensor}


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path, model = tmp_path / "Model.pth", some_model()
    digest = save_model(path, model=model, tokenizer=TOKENIZER, metadata=METADATA)
    loaded = load_model(path)
    assert loaded.tokenizer == TOKENIZER
    assert loaded.metadata == METADATA
    assert loaded.digest == digest
    assert loaded.model.config == CONFIG
    assert not loaded.model.training
    assert loaded.model.state_dict().keys() == model.state_dict().keys()
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], tensor)


def test_the_untouched_bytes_of_a_forgery_are_a_model(tmp_path: Path) -> None:
    path = tmp_path / "Model.pth"  # or every refusal of a forgery below would prove nothing
    path.write_bytes(forged())
    assert load_model(path).tokenizer == TOKENIZER
    path.write_bytes(repacked(forged(), lambda new, name, data: new.writestr(name, data)))
    assert load_model(path).tokenizer == TOKENIZER


def test_a_shape_with_the_old_name_of_a_setting_is_read(tmp_path: Path) -> None:
    shape = CONFIG.model_dump(mode="json")
    encoding = shape.pop("position_encoding")
    path = tmp_path / "Model.pth"
    path.write_bytes(forged(model={**shape, "positions": encoding}))
    assert load_model(path).model.config == CONFIG
    path.write_bytes(forged(model={**shape, "positions": encoding, "position_encoding": encoding}))
    with pytest.raises(ModelFileError, match="positions and position_encoding"):
        load_model(path)


def test_a_model_is_saved_from_training_as_it_is(tmp_path: Path) -> None:
    model = some_model().train()
    save_model(tmp_path / "Model.pth", model=model, tokenizer=TOKENIZER, metadata={})
    assert model.training
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_model_of_somebody_elses_making_is_refused(tmp_path: Path) -> None:
    foreign = packed(some_model().state_dict())
    assert "a PyTorch file of another program" in refused(tmp_path / "Model.pth", foreign)
    assert "not a lumina model" in refused(
        tmp_path / "Model.pth", sealed(packed({"format": "x", "version": 1}))
    )


class Trap:
    """Runs when it is unpickled by anybody who trusts it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("place", ["metadata", "tensors", "digest", "format"])
def test_a_forged_pickle_runs_nothing(tmp_path: Path, place: str) -> None:
    trap = tmp_path / "trap"
    content = {"format": "lumina-model", "version": 1, place: Trap(trap)}
    refused(tmp_path / "Model.pth", sealed(packed(content)))
    assert not trap.exists()


@pytest.mark.parametrize(
    ("changes", "told", "hint"),
    [
        ({"version": 0}, "its format is 0, and this one reads 4", "train the model anew"),
        ({"version": 5}, "its format is 5, and this one reads 4", "newer version"),
        (
            {"tokenizer": with_tokenizer(kind="spm")},
            "this one knows no tokenizer 'spm'",
            "newer version",
        ),
        (
            {"tokenizer": with_tokenizer(version=2)},
            "this one reads tokenizers 'characters' of version 1, not 2",
            "newer version",
        ),
        (
            {"model": {**CONFIG.model_dump(), "gates": 1}},
            "this one knows no 'gates'",
            "newer version",
        ),
    ],
)
def test_a_file_of_another_version_is_not_called_damaged(
    tmp_path: Path, changes: dict[str, Any], told: str, hint: str
) -> None:
    path = tmp_path / "Model.pth"
    path.write_bytes(forged(metadata={"lumina_version": "0.9"}, **changes))
    with pytest.raises(ModelFileError) as caught:
        load_model(path)
    assert caught.value.message == f"{path} was made by version 0.9 of lumina: {told}"
    assert hint in caught.value.hint
    path.write_bytes(forged(**changes))
    with pytest.raises(ModelFileError, match="made by another version of lumina"):
        load_model(path)


def old(version: int = 1, characters: object = TOKENIZER.characters) -> dict[str, Any]:
    """Changes that make a file of an older version, without a tokenizer."""
    return {"version": version, "characters": characters, "tokenizer": None}


ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": None},
        {"format": torch.zeros(3)},
        {"version": 1},
        {"version": 2},
        {"version": "1"},
        {"version": torch.zeros(3)},
        old(version=2),  # and no statistics of its text
        old(characters="aa"),
        old(characters="a\ud800"),
        old(characters=5),
        old(characters=TOKENIZER.characters + "x"),
        {"tokenizer": None},
        {"tokenizer": "abc"},
        {"tokenizer": {}},
        {"tokenizer": with_tokenizer(kind=5)},
        {"tokenizer": with_tokenizer(characters="aa")},
        {"tokenizer": with_tokenizer(characters="a\ud800")},
        {"tokenizer": with_tokenizer(characters=5)},
        {"tokenizer": with_tokenizer(characters=TOKENIZER.characters + "x")},
        {"model": None},
        {"model": {"hidden_size": 10**9}},
        {"model": {**CONFIG.model_dump(), "hidden_size": 16_384}},
        {"model": {**CONFIG.model_dump(), "num_layers": 1}},
        {"model": {**CONFIG.model_dump(), "num_heads": 3}},
        {"model": {**CONFIG.model_dump(), "extra": 1}},
        {"metadata": []},
        {"metadata": None},
        {"metadata": {"x": float("nan")}},
        {"metadata": {"x": float("inf")}},
        {"metadata": {"x": "half a pair \ud800"}},
        {"metadata": {1: "a number as a key"}},
        {"metadata": {"x": (1, 2)}},
        {"metadata": {"x": b"bytes"}},
        {"metadata": {"x": {1, 2}}},
        {"metadata": {"x": torch.zeros(3)}},
        {"metadata": {"x": torch.float32}},
        {"metadata": {"x": ENDLESS}},
        {"weights": None},
        {"weights": [1, 2]},
        {"weights": {}},
        {"weights": {1: torch.zeros(3)}},
        {"weights": {"wte.weight": 3.0}},
        {"weights": {k: v for k, v in some_model().state_dict().items() if k != "ln_f.bias"}},
        {"weights": with_weight("another", torch.zeros(3))},
        {"weights": with_weight("ln_f.bias", torch.zeros(9))},
        {"weights": with_weight("ln_f.bias", torch.zeros(8, 1))},
        {"weights": with_weight("ln_f.bias", torch.full((8,), float("nan")))},
        {"weights": with_weight("ln_f.bias", torch.full((8,), float("-inf")))},
        {"weights": with_weight("ln_f.bias", torch.zeros(8, dtype=torch.float64))},
        {"weights": with_weight("ln_f.bias", torch.zeros(8, dtype=torch.int32))},
        {"weights": with_weight("ln_f.bias", torch.zeros(8, dtype=torch.bfloat16))},
        {"weights": with_weight("ln_f.bias", torch.zeros(8, dtype=torch.complex64))},
        {"weights": with_weight("ln_f.bias", torch.zeros(8, dtype=torch.complex64).conj().imag)},
        {"weights": with_weight("ln_f.bias", torch.zeros(1).expand(8))},
        {"weights": with_weight("ln_f.bias", torch.zeros(8).to_sparse())},
        {"weights": with_weight("ln_f.bias", torch.zeros(8, device="meta"))},
        {"weights": with_weight("ln_f.bias", torch.zeros(8, requires_grad=True))},
        {"weights": with_weight("ln_f.bias", torch.nn.Parameter(torch.zeros(8)))},
        {"weights": with_weight("ln_f.bias", some_model().state_dict()["ln_f.bias"][:0])},
    ],
    ids=lambda changes: next(iter(changes)),
)
@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
def test_a_forgery_with_a_right_seal_is_refused_by_what_it_holds(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    refused(tmp_path / "Model.pth", forged(**changes))


def test_random_damage_under_a_right_seal_is_refused_or_harmless(tmp_path: Path) -> None:
    rng, path = random.Random(1), tmp_path / "Model.pth"
    data = unsealed(forged())
    for _ in range(150):
        damaged = bytearray(data)
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(sealed(bytes(damaged)))
        try:
            loaded = load_model(path)
        except ModelFileError:
            continue
        assert loaded.metadata == {}  # the damage lay in padding


TABLE = np.array([[7, 262], [0, 0], [65_535, 263]], dtype=np.uint16)


def saved_with_draft(path: Path, table: np.ndarray) -> Path:
    save_model(path, model=some_model(), tokenizer=TOKENIZER, metadata={}, draft=table)
    return path


def test_statistics_of_the_text_come_back(tmp_path: Path) -> None:
    loaded = load_model(saved_with_draft(tmp_path / "m.pth", TABLE))
    assert loaded.draft is not None
    assert loaded.draft.dtype == np.uint16
    assert loaded.draft.tolist() == TABLE.tolist()


def test_a_model_may_have_no_statistics(tmp_path: Path) -> None:
    save_model(tmp_path / "m.pth", model=some_model(), tokenizer=TOKENIZER, metadata={})
    assert load_model(tmp_path / "m.pth").draft is None


def test_a_model_of_the_first_version_is_read_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "m.pth").write_bytes(forged(**old()))
    loaded = load_model(tmp_path / "m.pth")
    assert loaded.tokenizer == TOKENIZER
    assert loaded.draft is None


def test_the_tokenizer_stands_in_the_file_by_its_kind(tmp_path: Path) -> None:
    save_model(tmp_path / "m.pth", model=some_model(), tokenizer=TOKENIZER, metadata={})
    header = read_container(tmp_path / "m.pth", kind="lumina-model", versions=(3,)).header
    assert header["tokenizer"] == {"kind": "characters", "version": 1, "characters": "abcé🙂"}


def test_statistics_that_name_an_id_beyond_the_vocabulary_are_refused(tmp_path: Path) -> None:
    table = np.array([[1, TOKENIZER.vocab_size]], dtype=np.uint16)
    with pytest.raises(ModelFileError, match="statistics name ids"):
        load_model(saved_with_draft(tmp_path / "m.pth", table))


@pytest.mark.parametrize(
    "draft",
    [torch.zeros(3, dtype=torch.uint8), torch.zeros(4), torch.zeros(2, 4, dtype=torch.uint8), None],
    ids=["odd", "numbers of another kind", "two-dimensional", "missing"],
)
def test_statistics_of_another_shape_are_refused(
    tmp_path: Path, draft: torch.Tensor | None
) -> None:
    path = saved_with_draft(tmp_path / "m.pth", TABLE)
    sealed = read_container(path, kind="lumina-model", versions=(3,))
    header = sealed.header if draft is not None else {**sealed.header, **old(version=2)}
    tensors = {name: tensor for name, tensor in sealed.tensors.items() if name != "draft"}
    write_container(
        path, header=header, tensors=tensors | ({} if draft is None else {"draft": draft})
    )
    with pytest.raises(ModelFileError, match="statistics of the text"):
        load_model(path)


def test_a_name_that_is_no_utf8_is_written_out(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.txt")
    save_model(
        tmp_path / "m.pth",
        model=some_model(),
        tokenizer=TOKENIZER,
        metadata={"trained_on": [name], "loss_on": name},
    )
    told = load_model(tmp_path / "m.pth").metadata
    assert told["trained_on"] == [r"caf\udce9.txt"]
    assert told["loss_on"] == r"caf\udce9.txt"
