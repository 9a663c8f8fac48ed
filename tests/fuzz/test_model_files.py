"""Model files that anybody could make: each is a model to talk to and to tune, or is refused."""

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from lumina_cli.core.checkpoint.container import read_container
from lumina_cli.core.checkpoint.model_file import VERSIONS
from lumina_cli.core.training.finetune_config import FinetuneConfig
from lumina_cli.data.config import DataConfig
from lumina_cli.recipes.finetune.base import base_of
from lumina_cli.recipes.finetune.replay import find_replay_data
from lumina_cli.recipes.finetune.settings import finetune_settings
from lumina_cli.recipes.infer.loaded_model import open_model
from lumina_cli.recipes.infer.model_info import model_info

from .bounds import fuzzed, reads_or_refuses
from .mutations import VALUES, file_changed, randoms

OLD_FILES = Path(__file__).parents[1] / "old_files"
FILES = {
    name: (OLD_FILES / name).read_bytes()
    for name in ("models/v1-sinusoidal.pth", "models/v2-sinusoidal.pth", "runs/lora/Model.pth")
}


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


def parts(name: str) -> tuple[Any, Any]:
    held = read_container(OLD_FILES / name, kind="lumina-model", versions=VERSIONS)
    return held.header, held.tensors


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_nobody_changed_is_used(name: str, folder: Path) -> None:
    path = folder / "Model.pth"
    path.write_bytes(FILES[name])
    assert reads_or_refuses(lambda: use(path))


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_used_or_refused(name: str, folder: Path) -> None:
    header, tensors = parts(name)
    path = folder / "Model.pth"

    @fuzzed
    @given(rng=randoms(), odd=VALUES)
    def check(rng: random.Random, odd: Any) -> None:
        path.write_bytes(file_changed(FILES[name], rng, header=header, tensors=tensors, odd=odd))
        reads_or_refuses(lambda: use(path))

    check()
