"""Tiny model files, and the command line run in this process."""

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from lumina_cli.cli.app import run as run_command_line
from lumina_cli.cli.errors import run_guarded
from lumina_cli.core.checkpoint.model_file import save_model
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import build_model
from lumina_cli.tokenizer.characters import CharacterTokenizer
from lumina_cli.tokenizer.special_ids import FIRST_CHARACTER

torch.set_num_threads(1)

LETTERS = " abcdefghijklmnopqrstuvwxyz"


@pytest.fixture(scope="session")
def letters_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that says letters and spaces and never ends by itself."""
    path = tmp_path_factory.mktemp("letters") / "Model.pth"
    write_model(path, characters=LETTERS, sayable=range(FIRST_CHARACTER, FIRST_CHARACTER + 27))
    return path


@pytest.fixture(scope="session")
def wicked_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that says control characters, ESC above all, and Rich markup."""
    characters = "\x1b\x00\x07\x08\x0d\x7f\x9b\x9d[]/;bolrdm0123J"
    path = tmp_path_factory.mktemp("wicked") / "Model.pth"
    sayable = range(FIRST_CHARACTER, FIRST_CHARACTER + len(characters))
    write_model(path, characters=characters, sayable=sayable)
    return path


def write_model(path: Path, *, characters: str, sayable: range) -> None:
    tokenizer = CharacterTokenizer(characters)
    config = ModelConfig(hidden_size=32, num_layers=2, num_heads=2, seq_length=96)
    generator = torch.Generator().manual_seed(0)
    model = build_model(config, vocab_size=tokenizer.vocab_size, generator=generator)
    with torch.no_grad():
        torch.nn.init.normal_(model.lm_head.weight, std=0.3, generator=generator)
        model.ln_f.weight[0], model.ln_f.bias[0] = 0, 1  # the first hidden number is always 1
        model.lm_head.weight[:, 0] = -1e4
        model.lm_head.weight[list(sayable), 0] = 0
    metadata = {
        "sampling": {"sampler": "top-k", "top_k": 3},
        "trained_on": ["letters.txt"],
        "val_nats_per_char": 1.5,
        "created": "2026-01-02T03:04:05+00:00",
    }
    save_model(path, model=model, tokenizer=tokenizer, metadata=metadata)


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


Lumina = Callable[..., Outcome]


@pytest.fixture
def lumina(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Lumina:
    """Run the command line with arguments and a piped stdin."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str, stdin: bytes | str = b"") -> Outcome:
        raw = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8"))
        code = run_guarded(lambda: run_command_line(list(arguments)))
        out, err = capsys.readouterr()
        return Outcome(code, out, err)

    return run
