"""Generation on CUDA: written without a GPU at hand, to be run where there is one.

pytest -m gpu tests/gpu
"""

import pytest
import torch

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.int8 import quantize
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.core.sampling.config import SamplingConfig
from lumina_cli.core.sampling.generate import generate
from lumina_cli.core.sampling.speculative import Guesser, Pace
from lumina_cli.core.sampling.together import generate_together
from lumina_cli.errors import UsageError
from lumina_cli.tokenizer.vocabulary import Vocabulary

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

VOCABULARY = Vocabulary(" abcdefgh")
GREEDY = SamplingConfig(sampler="greedy", max_chars=100)
DRAWN = SamplingConfig(sampler="nucleus", temperature=1.2, max_chars=100)


class Always(Pace):
    """Guesses in every pass."""

    def is_guessing(self) -> bool:
        return True


def some_model(device: str) -> Transformer:
    config = ModelConfig(hidden_size=32, num_layers=2, num_heads=2, seq_length=64)
    generator = torch.Generator().manual_seed(0)
    model = build_model(config, vocab_size=len(VOCABULARY), generator=generator)
    torch.nn.init.normal_(model.lm_head.weight, std=0.5, generator=generator)
    return model.to(device).eval()


def said(device: str, config: SamplingConfig, guesser: Guesser | None = None) -> list[int]:
    pieces = generate(
        some_model(device),
        [1, 262, 264],
        vocabulary=VOCABULARY,
        config=config,
        generator=torch.Generator().manual_seed(0),
        guesser=guesser,
    )
    return [piece.id for piece in pieces]


@pytest.mark.parametrize("config", [GREEDY, DRAWN], ids=["greedy", "nucleus"])
def test_guesses_change_nothing(config: SamplingConfig) -> None:
    assert said("cuda", config, Guesser(pace=Always())) == said("cuda", config)


def test_a_gpu_says_what_the_cpu_says() -> None:
    assert said("cuda", GREEDY) == said("cpu", GREEDY)


def test_texts_side_by_side_are_what_each_is_alone() -> None:
    texts = generate_together(
        some_model("cuda"),
        [[1, 262, 264]] * 5,
        vocabulary=VOCABULARY,
        config=DRAWN,
        generators=[torch.Generator().manual_seed(seed) for seed in range(5)],
    )
    assert [piece.id for piece in texts[0]] == said("cuda", DRAWN)


def test_int8_is_refused() -> None:
    with pytest.raises(UsageError, match="int8 is for the CPU, not for cuda"):
        quantize(some_model("cuda"))
