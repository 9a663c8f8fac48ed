"""How sure a model was, of what was drawn."""

import math

import pytest
import torch

from lumina_cli.chat.probs import character_probs
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import build_model
from lumina_cli.tokenizer.bpe.tokenizer import BpeTokenizer

BPE = BpeTokenizer("ab", [("a", "b"), ("b", "a")])
A, B, AB, BA = 262, 263, 264, 265


def model() -> torch.nn.Module:
    config = ModelConfig(hidden_size=16, num_layers=1, num_heads=2, seq_length=16)
    generator = torch.Generator().manual_seed(0)
    return build_model(config, vocab_size=BPE.vocab_size, generator=generator).eval()


@pytest.mark.parametrize(
    ("reply", "drawn", "texts"),
    [
        ("abab", None, ["ab", "ab"]),
        ("abab", [A, BA, B], ["a", "ba", "b"]),
        ("aba", [AB, AB], ["ab", "a"]),  # it ended within its last piece
        ("ab", [A, B], ["a", "b"]),
    ],
)
def test_a_reply_is_told_in_the_pieces_that_were_drawn(
    reply: str, drawn: list[int] | None, texts: list[str]
) -> None:
    made, ids = model(), drawn or [AB, AB]
    shown = character_probs(made, [1, 4], reply, tokenizer=BPE, output_ids=drawn)  # type: ignore[arg-type]
    assert [each.text for each in shown] == texts
    with torch.no_grad():
        logprobs = made(torch.tensor([[1, 4, *ids]]))[0].log_softmax(-1)
    for at, (each, id_) in enumerate(zip(shown, ids, strict=True)):
        assert each.prob == pytest.approx(math.exp(float(logprobs[1 + at, id_])), rel=1e-4)
