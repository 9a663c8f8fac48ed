"""Tiny models of characters and of subwords, fresh from a fixed seed."""

import pytest
import torch

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.bpe.tokenizer import BpeTokenizer
from lumina_cli.tokenizer.characters import CharacterTokenizer

CHARACTERS = CharacterTokenizer(" abcdefgh.?ABC")
SUBWORDS = BpeTokenizer(" abcdefgh.?ABC", [("a", "b"), ("ab", "c"), (" ", "a"), ("d", "e")])


def tiny_model(tokenizer: Tokenizer, *, seq_length: int = 32, num_layers: int = 2) -> Transformer:
    config = ModelConfig(
        hidden_size=32,
        num_layers=num_layers,
        num_heads=2,
        seq_length=seq_length,
        position_encoding="rotary",
    )
    generator = torch.Generator().manual_seed(0)
    model = build_model(config, vocab_size=tokenizer.vocab_size, generator=generator)
    torch.nn.init.normal_(model.lm_head.weight, std=0.5, generator=generator)
    return model.eval()


@pytest.fixture(scope="session", params=["characters", "subwords"])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return CHARACTERS if request.param == "characters" else SUBWORDS


@pytest.fixture(scope="session")
def model(tokenizer: Tokenizer) -> Transformer:
    return tiny_model(tokenizer)
