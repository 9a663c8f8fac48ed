"""The seal: no file is read of which a byte has changed."""

import os
import random
from pathlib import Path

import pytest

from lumina_cli.core.checkpoint.model_file import load_model, save_model
from lumina_cli.errors import MissingInputError
from tests.unit.core.checkpoint.forging import (
    TOKENIZER,
    some_model,
)
from tests.unit.core.checkpoint.whole_files import METADATA, refused


def test_memory_that_runs_out_while_writing_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("lumina_cli.core.checkpoint.seal._WRITE_BYTES", 64)
    monkeypatch.setattr("lumina_cli.core.checkpoint.seal.write_all", refuse)
    path = tmp_path / "Model.pth"
    with pytest.raises(MemoryError):  # torch would make a RuntimeError of it
        save_model(path, model=some_model(), tokenizer=TOKENIZER, metadata=METADATA)
    assert not path.exists()


def test_one_flipped_bit_anywhere_is_refused(tmp_path: Path, whole: bytes) -> None:
    rng = random.Random(0)
    positions = [0, len(whole) - 1, *(rng.randrange(len(whole)) for _ in range(300))]
    for position in positions:
        flipped = bytearray(whole)
        flipped[position] ^= 1 << rng.randrange(8)
        assert str(tmp_path / "Model.pth") in refused(tmp_path / "Model.pth", bytes(flipped))


def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, whole: bytes) -> None:
    for length in [0, 1, 3, 4, 100, len(whole) // 2, len(whole) - 78, len(whole) - 1]:
        refused(tmp_path / "Model.pth", whole[:length])


def test_a_file_with_bytes_behind_it_is_refused(tmp_path: Path, whole: bytes) -> None:
    refused(tmp_path / "Model.pth", whole + b"\n")
    refused(tmp_path / "Model.pth", whole + whole)


@pytest.mark.parametrize("data", [b"", b"hello", b"\x80\x02}q\x00.", b"PK\x03\x04" + b"x" * 999])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, data: bytes) -> None:
    refused(tmp_path / "Model.pth", data)


def test_a_missing_file_is_told_with_a_way_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="no model") as caught:
        load_model(tmp_path / "Model.pth")
    assert "lumina train" in caught.value.hint


def test_what_is_not_a_file_is_no_model(tmp_path: Path) -> None:
    for path in (tmp_path, Path(os.devnull)):
        with pytest.raises(MissingInputError, match=r"can't be read: it is a .*, not a file"):
            load_model(path)
