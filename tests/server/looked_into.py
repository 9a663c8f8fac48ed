"""A tiny model that is served and can be looked into."""

from dataclasses import replace
from pathlib import Path

from lumina_cli.core.checkpoint.model_file import save_model
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.recipes.infer.loaded_model import open_model
from lumina_cli.recipes.look.served import look_into
from lumina_cli.server.generation.models import ServedModel
from tests.server.served import tiny_model

TOP_K = SamplingConfig(sampler="top-k", top_k=4, max_chars=12)


def model_that_can_be_looked_into(folder: Path, *, is_private: bool) -> ServedModel:
    served_model = tiny_model(is_talkative=True, sampling=TOP_K)
    file, path = served_model.file, folder / "tiny.pth"
    metadata = {"conversations": 3, "loss_on": "bot"}
    save_model(path, model=file.model, tokenizer=file.tokenizer, metadata=metadata)
    flags = {"engine": "torch", "precision": "fp32"}
    loaded = open_model(path, flags=flags, environ={}, toml=None)
    return replace(served_model, look=look_into(loaded, is_private=is_private))
