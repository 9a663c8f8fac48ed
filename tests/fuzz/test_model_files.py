"""Model files that anybody could make: each is a model to talk to and to tune, or is refused."""

import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given

from lumina_cli.core.checkpoint.container import read_container
from lumina_cli.core.checkpoint.model_file import VERSIONS, save_model
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import build_model
from lumina_cli.core.training.finetune_config import FinetuneConfig
from lumina_cli.data.config import DataConfig
from lumina_cli.recipes.finetune.base import base_of
from lumina_cli.recipes.finetune.replay import find_replay_data
from lumina_cli.recipes.finetune.settings import finetune_settings
from lumina_cli.recipes.infer.loaded_model import open_model
from lumina_cli.recipes.infer.model_info import model_info
from lumina_cli.tokenizer.bpe.tokenizer import BpeTokenizer

from .bounds import fuzzed, reads_or_refuses
from .mutations import VALUES, file_changed, randoms

OLD_FILES = Path(__file__).parents[1] / "old_files"
FILES = {
    name: (OLD_FILES / name).read_bytes()
    for name in ("models/v1-sinusoidal.pth", "models/v2-sinusoidal.pth", "runs/lora/Model.pth")
}


def of_subwords() -> bytes:
    """Return the file of a small model whose tokenizer has merges."""
    merges = [("a", "b"), (" ", "a"), (" a", "b"), ("ab", "a"), ("aba", "ab")]
    tokenizer = BpeTokenizer(" ab", merges, added="é", chars_per_id=1.5)
    config = ModelConfig(hidden_size=8, num_layers=1, num_heads=2, seq_length=16)
    model = build_model(
        config, vocab_size=tokenizer.vocab_size, generator=torch.Generator().manual_seed(0)
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "Model.pth")
        save_model(path, model=model, tokenizer=tokenizer, metadata={})
        return path.read_bytes()


FILES["of subwords"] = of_subwords()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


def use(path: Path) -> None:
    """Do with a model what the commands do, a little of each."""
    model_info(path)
    loaded = open_model(path, flags={"max_chars": 3}, environ={})
    list(loaded.session().say("ab"))
    base = base_of(path, loaded.file)
    finetune_settings(loaded.file, flags={}, environ={})
    find_replay_data(
        base, config=FinetuneConfig(), data=DataConfig(), tokenizer=loaded.file.tokenizer
    )


def parts(name: str, folder: Path) -> tuple[Any, Any]:
    path = folder / "Parts.pth"
    path.write_bytes(FILES[name])
    held = read_container(path, kind="lumina-model", versions=VERSIONS)
    return held.header, held.tensors


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_nobody_changed_is_used(name: str, folder: Path) -> None:
    path = folder / "Model.pth"
    path.write_bytes(FILES[name])
    assert reads_or_refuses(lambda: use(path))


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_used_or_refused(name: str, folder: Path) -> None:
    header, tensors = parts(name, folder)
    path = folder / "Model.pth"

    @fuzzed
    @given(rng=randoms(), odd=VALUES)
    def check(rng: random.Random, odd: Any) -> None:
        path.write_bytes(file_changed(FILES[name], rng, header=header, tensors=tensors, odd=odd))
        reads_or_refuses(lambda: use(path))

    check()
