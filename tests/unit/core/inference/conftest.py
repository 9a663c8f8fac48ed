"""Tiny models, fresh from a fixed seed: what they say is noise, but the same noise each time."""

import pytest
import torch

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.tokenizer.characters import CharacterTokenizer

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tokenizer() -> CharacterTokenizer:
    return CharacterTokenizer(" abcdefgh")


@pytest.fixture(scope="session")
def model(tokenizer: CharacterTokenizer) -> Transformer:
    """A model with a context of 32, whose spread-out logits make its choices clear."""
    config = ModelConfig(hidden_size=32, num_layers=2, num_heads=2, seq_length=32, dropout=0.1)
    generator = torch.Generator().manual_seed(0)
    model = build_model(config, vocab_size=tokenizer.vocab_size, generator=generator)
    torch.nn.init.normal_(model.lm_head.weight, std=0.5, generator=generator)
    return model.eval()
