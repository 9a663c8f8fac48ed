"""Generation on CUDA: written without a GPU at hand, to be run where there is one.

pytest -m gpu tests/gpu
"""

import pytest
import torch

from lumina_cli.core.config import ComputeConfig
from lumina_cli.core.inference.backends.cuda_graphs import RecordedPass
from lumina_cli.core.inference.batch import batch_generate
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.engine import Engine
from lumina_cli.core.inference.generate import generate
from lumina_cli.core.inference.speculative.policy import SpeculationPolicy
from lumina_cli.core.inference.speculative.speculator import Speculator
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.kernels.decoder import hidden_of
from lumina_cli.core.model.kernels.fast import KERNELS
from lumina_cli.core.model.kv_cache import KVCache
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.errors import UsageError
from lumina_cli.recipes.infer.engines import choose_reader
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

    def stop(self, *, num_chosen: int, num_draft_tokens: int) -> None:
        pass


def some_model(device: str) -> Transformer:
    config = ModelConfig(hidden_size=32, num_layers=2, num_heads=2, seq_length=64)
    generator = torch.Generator().manual_seed(0)
    model = build_model(config, vocab_size=TOKENIZER.vocab_size, generator=generator)
    torch.nn.init.normal_(model.lm_head.weight, std=0.5, generator=generator)
    return model.to(device).eval()


def said(device: str, config: SamplingConfig, speculator: Speculator | None = None) -> list[int]:
    chunks = generate(
        Engine(some_model(device)),
        [1, 262, 264],
        tokenizer=TOKENIZER,
        config=config,
        generator=torch.Generator().manual_seed(0),
        speculator=speculator,
    )
    return [chunk.id for chunk in chunks]


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
    assert [chunk.id for chunk in next(texts)] == said("cuda", DRAWN)


def test_prompts_of_any_lengths_side_by_side_are_what_each_is_alone() -> None:
    model, prompts = some_model("cuda"), [[1], [1, 262, 264], [1, *[263] * 30], [262] * 90]
    texts = batch_generate(
        model,
        prompts,
        tokenizer=TOKENIZER,
        config=DRAWN,
        generators=[torch.Generator().manual_seed(seed) for seed in range(4)],
    )
    for seed, (prompt, text) in enumerate(zip(prompts, texts, strict=True)):
        alone = generate(
            Engine(model),
            prompt,
            tokenizer=TOKENIZER,
            config=DRAWN,
            generator=torch.Generator().manual_seed(seed),
        )
        assert [chunk.id for chunk in text] == [chunk.id for chunk in alone]


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("num_new", [1, 8])
def test_a_recorded_pass_reads_what_the_whole_text_gives(num_new: int, kernels: str) -> None:
    model = some_model("cuda")
    model.kernels = KERNELS[kernels]
    generator = torch.Generator().manual_seed(0)
    idx = torch.randint(TOKENIZER.vocab_size, (1, 64), generator=generator).to("cuda")
    hidden, cache, slots = hidden_of(model), KVCache(model.config, device="cuda"), slice(0, 1)
    with torch.inference_mode():
        hidden(idx[:, :8], cache.window(slots, [0], [8]))
        recorded = RecordedPass(hidden, cache, slots, idx[:, 8 : 8 + num_new], [8])
        parts = [
            recorded(part, [8 + n * num_new])
            for n, part in enumerate(idx[:, 8:].split(num_new, dim=1))
        ]
        found = model.lm_head(torch.cat(parts, dim=1))
        torch.testing.assert_close(found, model(idx)[:, 8:], rtol=1e-3, atol=1e-3)


def test_a_recorded_pass_over_rows_of_any_lengths_reads_what_each_gives_alone() -> None:
    model = some_model("cuda")
    engine, texts = Engine(model, num_rows=3), [[1], [1, 262, 264], [1, *[263] * 20]]
    rows = [engine.admit() for _ in texts]
    for row, text in zip(rows, texts, strict=True):
        engine.prefill(row, text)
    for step in range(30):
        for text in texts:
            text.append(262 + (step + len(text)) % 9)
        logits = engine.decode(rows, [text[-1] for text in texts])
        with torch.inference_mode():
            whole = [model(torch.tensor([text], device="cuda"))[:, -1] for text in texts]
        torch.testing.assert_close(logits, torch.cat(whole), rtol=1e-3, atol=1e-3)
    assert isinstance(engine.backend.graphs._recorded[0, 3, 1], RecordedPass)


def test_an_engine_records_what_it_does_often_and_anew_when_its_cache_has_moved() -> None:
    engine = Engine(some_model("cuda"))
    row = engine.admit()
    engine.prefill(row, [1, 262, 264])
    for _ in range(70):  # a full context, too
        engine.decode([row], [263])
    assert isinstance(engine.backend.graphs._recorded[0, 1, 1], RecordedPass)
    fork = engine.fork(row)  # there is no slot left for it
    assert not engine.backend.graphs._recorded
    logits = [engine.decode([each], [265]) for each in (fork, row)]
    torch.testing.assert_close(*logits, rtol=1e-4, atol=1e-4)


def test_int8_is_refused() -> None:
    with pytest.raises(UsageError, match="int8 is for the CPU, not for cuda"):
        choose_reader(some_model("cuda"), engine="auto", compute=ComputeConfig(precision="int8"))


def test_auto_reads_with_torch_where_there_is_a_gpu() -> None:
    model = some_model("cuda")
    assert choose_reader(model, engine="auto", compute=ComputeConfig()) == (model, ())
