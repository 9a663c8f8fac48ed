"""What there is to know of a model file."""

import json
from pathlib import Path

import pytest

from lumina_cli.core.checkpoint.model_file import load_model, save_model
from lumina_cli.errors import MissingInputError
from lumina_cli.recipes.infer.model_info import model_info


def test_it_tells_shape_vocabulary_and_training_as_plain_values(trained: Path) -> None:
    told, loaded = model_info(trained), load_model(trained)
    json.dumps(told, allow_nan=False)
    assert told["model"] == str(trained)
    assert told["parameters"] == sum(each.numel() for each in loaded.model.parameters())
    assert told["digest"] == loaded.digest
    assert told["shape"]["hidden_size"] == 16  # type: ignore[index]
    characters = set("the cat sat on the mat and the dog sat on the log\n")
    assert told["vocabulary"] == {"ids": 262 + len(characters), "characters": len(characters)}
    assert told["training"]["steps"] == 2  # type: ignore[index]
    assert loaded.draft is not None
    assert told["draft_bytes"] == loaded.draft.nbytes > 0


def test_a_model_without_statistics_has_none(trained: Path, tmp_path: Path) -> None:
    loaded = load_model(trained)
    path = tmp_path / "bare.pth"
    save_model(path, model=loaded.model, tokenizer=loaded.tokenizer, metadata={})
    assert (model_info(path)["draft_bytes"], model_info(path)["training"]) == (0, {})


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError):
        model_info(tmp_path / "nowhere.pth")
