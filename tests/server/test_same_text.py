"""The same request with the same seed gives the same text, alone or among others."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from lumina_cli.core.inference import scheduler as scheduler_module
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.engine import Engine
from lumina_cli.core.inference.generate import generate
from lumina_cli.core.inference.sampling import sampler as sampler_module
from lumina_cli.core.seeding import make_generator
from lumina_cli.server.generation.models import ServedModel
from lumina_cli.server.generation.texts import TextRequest
from lumina_cli.server.generation.thread import GenerationThread
from tests.server.live import PATIENCE_S
from tests.server.served import TOKENIZER, Served, served, tiny_model

NUM_MIXTURES = 12
NUM_TEXTS = 32


@dataclass(frozen=True)
class Asked:
    """A text of a mixture, when it comes, and whether its reader goes away."""

    prompt_ids: list[int]
    config: SamplingConfig
    seed: int
    comes_after: int
    is_left: bool

    def request(self) -> TextRequest:
        return TextRequest(self.prompt_ids, self.config, make_generator(self.seed, "text 0"))

    def alone(self, engine: Engine) -> str:
        chunks = generate(
            engine,
            self.prompt_ids,
            tokenizer=TOKENIZER,
            config=self.config,
            generator=make_generator(self.seed, "text 0"),
        )
        return "".join(chunk.text for chunk in chunks)


def some_config(rng: np.random.Generator) -> SamplingConfig:
    return SamplingConfig.model_validate(
        {
            "sampler": rng.choice(["greedy", "nucleus", "top-k", "min-p"]),
            "temperature": rng.choice([0.0, 0.7, 1.5]),
            "top_p": rng.choice([0.5, 0.9, 1.0]),
            "top_k": int(rng.integers(1, 6)),
            "repetition_penalty": rng.choice([1.0, 1.3]),
            "stop": [(), ("ab", "d"), ("ccc",)][rng.integers(3)],
            "max_chars": int(rng.choice([1, 7, 20, 60])),
        }
    )


def mixture(rng: np.random.Generator, *, num_texts: int) -> list[Asked]:
    """Return texts of all kinds; some begin alike, some prompts are longer than the context."""
    common = rng.integers(262, 272, 90).tolist()
    asked = []
    for _ in range(num_texts):
        length = int(rng.integers(0, 90))
        num_same = int(rng.choice([0, length // 2, length]))
        own = rng.integers(262, 272, 90).tolist()
        asked.append(
            Asked(
                [1, *common[:num_same], *own][: length + 1],
                some_config(rng),
                seed=int(rng.integers(1_000)),
                comes_after=int(rng.integers(0, 4)),
                is_left=bool(rng.random() < 0.15),
            )
        )
    return asked


async def ask(thread: GenerationThread, model: ServedModel, asked: Asked) -> str:
    for _ in range(5 * asked.comes_after):
        await asyncio.sleep(0)
    generation = thread.submit(model, [asked.request()], client="somebody")
    text = ""
    while not generation.is_over:
        for event in await generation.next_events():
            assert event.error is None
            text += "".join(chunk.text for chunk in event.chunks)
        if asked.is_left:
            generation.cancel()
            break
    return text


async def all_together(
    thread: GenerationThread, model: ServedModel, asked: Sequence[Asked]
) -> list[str]:
    asking = [ask(thread, model, each) for each in asked]
    return await asyncio.wait_for(asyncio.gather(*asking), timeout=20 * PATIENCE_S)


def check_mixtures(model: ServedModel, *, num_mixtures: int, max_streams: int) -> int:
    """Return how many texts were compared."""
    thread = GenerationThread(max_streams=max_streams, max_queue=1_000)
    thread.prepare(model)
    thread.start()
    engine, num_compared = Engine(model.reader), 0
    try:
        for number in range(num_mixtures):
            rng = np.random.default_rng(number)
            asked = mixture(rng, num_texts=int(rng.integers(1, NUM_TEXTS + 1)))
            found = asyncio.run(all_together(thread, model, asked))
            for each, text in zip(asked, found, strict=True):
                expected = each.alone(engine)
                assert text == expected or (each.is_left and expected.startswith(text)), number
                num_compared += not each.is_left
    finally:
        thread.stop()
    return num_compared


@pytest.fixture(params=["torch", "onnx"])
def model(request: pytest.FixtureRequest) -> ServedModel:
    """A tiny model, read by torch or by ONNX Runtime."""
    model = tiny_model()
    if request.param == "torch":
        return model
    for module in ("onnx", "onnxruntime"):
        pytest.importorskip(module, reason="the extra [fast] is not installed")
    from lumina_cli.onnx.session import onnx_backend

    return replace(model, reader=onnx_backend(model.file.model, is_int8=False))


@pytest.mark.parametrize("rounding", [sampler_module.ROUNDING, 0.05])
def test_a_text_among_others_is_what_it_is_alone(
    model: ServedModel, rounding: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where rounding is said to decide much, much is computed again."""
    monkeypatch.setattr(sampler_module, "ROUNDING", rounding)
    monkeypatch.setattr(scheduler_module, "LEAST_PREFILL", 5)
    num_compared = check_mixtures(model, num_mixtures=NUM_MIXTURES // 4, max_streams=12)
    assert num_compared > 20


@pytest.mark.slow
@pytest.mark.parametrize("max_streams", [3, 32])
def test_a_text_among_others_is_what_it_is_alone_in_two_hundred_mixtures(
    model: ServedModel, max_streams: int
) -> None:
    num_compared = check_mixtures(model, num_mixtures=100, max_streams=max_streams)
    assert num_compared > 1_000


def test_an_answer_is_the_same_alone_and_among_thirty_one_others() -> None:
    bodies: list[dict[str, Any]] = [
        {
            "messages": [{"role": "user", "content": "abcdefgh"[number % 8 :] * (1 + number % 4)}],
            "seed": number // 2,
            "temperature": [0, 0.8, 1.3][number % 3],
            "max_tokens": 5 + number % 40,
            "truncate": True,
        }
        for number in range(NUM_TEXTS)
    ]

    def ask_one(running: Served, body: dict[str, Any]) -> str:
        answer = running.send("/v1/chat/completions", body).json
        return str(answer["choices"][0]["message"]["content"])

    with served(tiny_model()) as running:
        alone = [ask_one(running, body) for body in bodies]
        with ThreadPoolExecutor(NUM_TEXTS) as pool:
            together = list(pool.map(lambda body: ask_one(running, body), bodies))
    assert together == alone
    assert len(set(alone)) > NUM_TEXTS // 2
