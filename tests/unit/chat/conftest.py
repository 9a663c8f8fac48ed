"""A tiny model for sessions: what it says is noise, the same noise each time."""

import pytest
import torch

from lumina_cli.chat.session import Session
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.text_model import TextModel
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.tokenizer.characters import CharacterTokenizer

torch.set_num_threads(1)

TOKENIZER = CharacterTokenizer(" abcdefghijklmnopqrstuvwxyz")


@pytest.fixture(scope="session")
def model() -> Transformer:
    config = ModelConfig(hidden_size=32, num_layers=2, num_heads=2, seq_length=96)
    generator = torch.Generator().manual_seed(0)
    model = build_model(config, vocab_size=TOKENIZER.vocab_size, generator=generator)
    torch.nn.init.normal_(model.lm_head.weight, std=0.3, generator=generator)
    return model.eval()


@pytest.fixture
def session(model: Transformer) -> Session:
    return new_session(model)


def new_session(model: Transformer, **settings: object) -> Session:
    config = SamplingConfig.model_validate({"max_chars": 12, "seed": 1, **settings})
    text_model = TextModel(model, tokenizer=TOKENIZER)
    return Session(text_model, config=config, digest="a" * 64)
