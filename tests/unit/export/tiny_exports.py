"""Small models to export, and windows to compare them on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lumina_cli.core.checkpoint.model_file import ModelFile
from lumina_cli.core.seeding import make_generator
from lumina_cli.data.batches import Batch
from lumina_cli.export.compare import Comparer
from lumina_cli.export.job import ExportJob
from lumina_cli.export.names import Dtype
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.characters import CharacterTokenizer
from tests.unit.recipes.tiny import tiny_model

CHARACTERS = " abcdefgé漢🙂"
METADATA: dict[str, Any] = {
    "lumina_version": "0.1.0",
    "trained_on": ["/home/somebody/secret/diary.txt", "C:\\Users\\me\\letters.txt"],
    "train_chars": 1234,
    "conversations": 3,
    "loss_on": "bot",
    "sampling": {"sampler": "greedy"},
    "learnt_from": [{"paths": ["/home/somebody/secret/diary.txt"], "settings": {}}],
    "val_nats_per_char": 1.25,
    "val_accuracy": 0.5,
}


MERGES = [("a", "b"), (" ", "c"), (" c", "ab"), ("ab", "é"), ("a", "a"), ("漢", "🙂"), (" ", "ab")]


def tiny_file(tokenizer: Tokenizer | None = None, **shape: Any) -> ModelFile:
    """A model whose every weight is drawn, biases and norms too, so that none can be left out."""
    tokenizer = tokenizer or CharacterTokenizer(CHARACTERS)
    usual = {"hidden_size": 32, "num_layers": 2, "num_heads": 2, "seq_length": 24}
    model = tiny_model(tokenizer.vocab_size, **{**usual, **shape}).eval()
    generator = make_generator(1, "weights")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    return ModelFile(model, tokenizer, dict(METADATA), "digest")


def tiny_windows(file: ModelFile, *, num: int = 4) -> Batch:
    rng = np.random.default_rng(0)
    T = file.model.config.seq_length
    ids = rng.integers(1, file.tokenizer.vocab_size, size=(num, T + 1))
    return Batch(ids[:, :-1], ids[:, 1:], np.ones((num, T), dtype=np.bool_))


def tiny_export(
    file: ModelFile, *, dtype: Dtype = "fp32", tell: Callable[[str], None] = lambda _: None
) -> ExportJob:
    windows = tiny_windows(file)
    comparer = Comparer(file.model, tokenizer=file.tokenizer, windows=windows, tell=tell)
    return ExportJob(file, "Model", dtype, comparer)


def leftovers(folder: Path, *known: str) -> list[str]:
    """What lies in a folder beside what is known to."""
    return sorted(path.name for path in folder.iterdir() if path.name not in known)
