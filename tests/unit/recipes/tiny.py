"""Runs, models and texts as small as they can be."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.core.seeding import make_generator
from lumina_cli.core.training.events import Evaluated
from lumina_cli.data.config import DataConfig
from lumina_cli.data.corpus.corpus import Corpus
from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.recipes.data.sources import Source, encode_source, open_source
from lumina_cli.recipes.run.run import TrainingRun
from lumina_cli.recipes.train.job import TrainJob
from lumina_cli.recipes.train.pretrain import pretrain
from lumina_cli.settings import TRAIN_CONFIGS, Settings, resolve_settings
from lumina_cli.tokenizer.base import Tokenizer

TINY: dict[str, object] = {
    "hidden_size": 16,
    "num_layers": 1,
    "num_heads": 2,
    "seq_length": 16,
    "batch_size": 4,
    "learning_rate": 1e-2,
    "num_evals": 1,
    "max_steps": 2,
}
VERSE = "the cat sat on the mat and the dog sat on the log\n" * 20
CHAT = "<|user|>Hi\n<|bot|>Hello there!\n\n" * 40


def written(folder: Path, text: str = VERSE, *, name: str = "text.txt") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def tiny_settings(**flags: Any) -> Settings:
    return resolve_settings(TRAIN_CONFIGS, flags={**TINY, **flags}, environ={})


def tiny_run(folder: Path, text: str = VERSE, **flags: Any) -> TrainingRun:
    """A run of two steps, not begun; its model is `Model.pth`."""
    data = written(folder, text)
    return pretrain(tiny_settings(**flags), data=[data], out=folder / "Model.pth")


def tiny_job(folder: Path, text: str = VERSE, **flags: Any) -> TrainJob:
    return tiny_run(folder, text, **flags).job


def source_and_corpus(path: Path, **config: Any) -> tuple[Source, Corpus]:
    source = open_source([path], config=DataConfig(**config))
    return source, encode_source(source, config=DataConfig(**config), seed=0)


def learnt_whole(path: Path, *, tokenizer: Tokenizer) -> TokenDataset:
    """A file of which nothing is set apart, as the model of a tokenizer reads it."""
    config = DataConfig(val_fraction=0.0)
    source = open_source([path], config=config)
    return encode_source(source, config=config, seed=0, tokenizer=tokenizer).train


def tiny_model(vocab_size: int, *, seed: int = 0, **shape: Any) -> Transformer:
    usual = {"hidden_size": 16, "num_layers": 1, "num_heads": 2, "seq_length": 16, "dropout": 0.0}
    config = ModelConfig(**{**usual, **shape})
    return build_model(config, vocab_size=vocab_size, generator=make_generator(seed, "weights"))


def evaluated(step: int = 1, **changes: Any) -> Evaluated:
    usual = Evaluated(step, 2.0, 2.9, 0.5, is_best=True, seconds=0.1)
    return replace(usual, **changes)
