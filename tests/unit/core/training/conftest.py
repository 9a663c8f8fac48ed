"""A tiny model and a tiny text, and a stepper that is made with one line."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pytest
import torch

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.core.precision import Precision, choose_precision
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.optim.optimizers import build_optimizers
from lumina_cli.core.training.parallel import threads as workers
from lumina_cli.core.training.step.stepper import Stepper
from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.tokenizer.characters import CharacterTokenizer

V = 20
FP16 = Precision("fp16", "emulated, for the tests", "cpu")
FP32 = choose_precision("fp32", device=torch.device("cpu"))


def tiny_model(
    *,
    dropout: float = 0.0,
    seed: int = 0,
    seq_length: int = 8,
    position_encoding: Literal["sinusoidal", "rotary"] = "sinusoidal",
) -> Transformer:
    config = ModelConfig(
        hidden_size=16,
        num_layers=2,
        num_heads=2,
        seq_length=seq_length,
        position_encoding=position_encoding,
        dropout=dropout,
    )
    generator = torch.Generator().manual_seed(seed)
    return build_model(config, vocab_size=V, generator=generator).train()


def encoded(ids: list[int], in_loss: list[bool] | None = None) -> TokenDataset:
    """Ids as a text; all of them count unless it is said which do."""
    counts = np.array(in_loss if in_loss is not None else [True] * len(ids))
    pairs = np.array(ids, dtype=np.int32) * 2 + counts
    return TokenDataset(
        np.arange(len(ids), dtype="<u4"), pairs.astype(np.int32), CharacterTokenizer("")
    )


def random_text(num_ids: int, *, seed: int = 0) -> TokenDataset:
    rng = np.random.default_rng(seed)
    return encoded(rng.integers(6, V, num_ids).tolist(), (rng.random(num_ids) < 0.7).tolist())


def make_stepper(
    model: Transformer,
    *,
    micro_batch_size: int = 8,
    precision: Precision = FP32,
    **changes: Any,
) -> Stepper:
    """A stepper; `changes` are settings of the training."""
    config = TrainingConfig(**{"label_smoothing": 0.0, "grad_clip": 1e9, **changes})
    return Stepper(
        model,
        build_optimizers(model, config=config),
        precision=precision,
        grad_clip=config.grad_clip,
        label_smoothing=config.label_smoothing,
        micro_batch_size=micro_batch_size,
    )


@pytest.fixture
def two_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """So that workers share a step, however small; elsewhere tests have one thread."""
    monkeypatch.setattr(workers, "LEAST_IN_FP32", workers.Least(chars=0, features=0))
    monkeypatch.setattr(workers, "LEAST_IN_BF16", workers.Least(chars=0, features=0))
    monkeypatch.setattr(workers, "EVEN_ENOUGH", 1)
    monkeypatch.setattr(workers, "_num_cores", lambda: 16)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def fp32() -> Precision:
    return FP32
