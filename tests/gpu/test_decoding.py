"""Generation on CUDA: written without a GPU at hand, to be run where there is one.

pytest -m gpu tests/gpu
"""

import pytest
import torch

from lumina_cli.core.inference.batch import batch_generate
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.cuda_graphs import RecordedPass
from lumina_cli.core.inference.engine import Engine
from lumina_cli.core.inference.generate import generate
from lumina_cli.core.inference.speculative import SpeculationPolicy, Speculator
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.kernels.decoder import WIDE, Decoder
from lumina_cli.core.model.kernels.int8 import quantize
from lumina_cli.core.model.kv_cache import KVCache
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.errors import UsageError
from lumina_cli.tokenizer.characters import CharacterTokenizer

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

TOKENIZER = CharacterTokenizer(" abcdefgh")
GREEDY = SamplingConfig(sampler="greedy", max_chars=100)
DRAWN = SamplingConfig(sampler="nucleus", temperature=1.2, max_chars=100)


class Always(SpeculationPolicy):
    """Guesses in every pass."""

    def is_speculating(self) -> bool:
        return True


def some_model(device: str) -> Transformer:
    config = ModelConfig(hidden_size=32, num_layers=2, num_heads=2, seq_length=64)
    generator = torch.Generator().manual_seed(0)
    model = build_model(config, vocab_size=TOKENIZER.vocab_size, generator=generator)
    torch.nn.init.normal_(model.lm_head.weight, std=0.5, generator=generator)
    return model.to(device).eval()


def said(device: str, config: SamplingConfig, speculator: Speculator | None = None) -> list[int]:
    pieces = generate(
        some_model(device),
        [1, 262, 264],
        tokenizer=TOKENIZER,
        config=config,
        generator=torch.Generator().manual_seed(0),
        speculator=speculator,
    )
    return [piece.id for piece in pieces]


@pytest.mark.parametrize("config", [GREEDY, DRAWN], ids=["greedy", "nucleus"])
def test_guesses_change_nothing(config: SamplingConfig) -> None:
    assert said("cuda", config, Speculator(policy=Always())) == said("cuda", config)


def test_a_gpu_says_what_the_cpu_says() -> None:
    assert said("cuda", GREEDY) == said("cpu", GREEDY)


def test_texts_side_by_side_are_what_each_is_alone() -> None:
    texts = batch_generate(
        some_model("cuda"),
        [[1, 262, 264]] * 5,
        tokenizer=TOKENIZER,
        config=DRAWN,
        generators=[torch.Generator().manual_seed(seed) for seed in range(5)],
    )
    assert [piece.id for piece in texts[0]] == said("cuda", DRAWN)


@pytest.mark.parametrize("num_new", [1, WIDE])
def test_a_recorded_pass_reads_what_the_whole_text_gives(num_new: int) -> None:
    model = some_model("cuda")
    generator = torch.Generator().manual_seed(0)
    idx = torch.randint(TOKENIZER.vocab_size, (1, 64), generator=generator).to("cuda")
    decoder, cache = Decoder(model), KVCache(model.config, device="cuda")
    with torch.inference_mode():
        decoder.hidden(idx[:, :8], cache=cache)
        first = idx[:, 8 : 8 + num_new]
        recorded = RecordedPass(decoder, cache, first)
        found = torch.cat([recorded(part) for part in idx[:, 8:].split(num_new, dim=1)], dim=1)
        torch.testing.assert_close(found, model(idx)[:, 8:], rtol=1e-3, atol=1e-3)


def test_a_reader_records_what_it_does_often_and_its_fork_begins_anew() -> None:
    reader = Engine(some_model("cuda"))
    reader.read(torch.tensor([[1, 262, 264]]))
    for _ in range(70):  # a full context, too
        reader.append(torch.tensor([263]))
    assert isinstance(reader._recorded[1], RecordedPass)
    fork = reader.fork()
    assert not fork._recorded
    ids = torch.tensor([265])
    torch.testing.assert_close(fork.append(ids), reader.append(ids), rtol=1e-4, atol=1e-4)


def test_int8_is_refused() -> None:
    with pytest.raises(UsageError, match="int8 is for the CPU, not for cuda"):
        quantize(some_model("cuda"))
