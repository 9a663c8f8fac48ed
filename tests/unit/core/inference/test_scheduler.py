"""Texts join, go on beside others and leave, and each is what it would be alone."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch

from lumina_cli.core.inference import engine as engine_module
from lumina_cli.core.inference import scheduler as module
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.engine import Engine, Recompute, Row
from lumina_cli.core.inference.generate import generate
from lumina_cli.core.inference.sampling import sampler as sampler_module
from lumina_cli.core.inference.sampling.utf8_mask import Utf8Mask
from lumina_cli.core.inference.scheduler import Scheduler
from lumina_cli.core.inference.sequence import SequenceState
from lumina_cli.core.inference.speculative.speculator import Speculator
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.tokenizer.characters import CharacterTokenizer

TOKENIZER = CharacterTokenizer("abcd")
UTF8_MASK = Utf8Mask(TOKENIZER)
SEQ_LENGTH = 12
GREEDY = SamplingConfig(sampler="greedy", max_chars=12)
LONG = [1, *[262 + n % 4 for n in range(10)]]


@pytest.fixture(scope="module")
def models() -> list[Transformer]:
    """One for either kind of positions."""
    return [tiny_model("sinusoidal"), tiny_model("rotary")]


def tiny_model(positions: str) -> Transformer:
    """It says hardly anything but letters and the end."""
    config = ModelConfig.model_validate(
        {
            "hidden_size": 8,
            "num_layers": 1,
            "num_heads": 2,
            "seq_length": SEQ_LENGTH,
            "positions": positions,
        }
    )
    generator = torch.Generator().manual_seed(3)
    model = build_model(config, vocab_size=TOKENIZER.vocab_size, generator=generator).eval()
    with torch.no_grad():
        model.lm_head.weight.normal_(std=0.8, generator=generator)
        model.ln_f.weight[0], model.ln_f.bias[0] = 0, 1  # a constant, by which bytes are rare
        model.lm_head.weight[:, 0] = -6
        model.lm_head.weight[[5, 262, 263, 264, 265], 0] = torch.tensor([-1.0, 0, 0, 0, 0])
    return model


def sequence_of(prompt: Sequence[int], config: SamplingConfig, *, seed: int = 0) -> SequenceState:
    return SequenceState(
        prompt,
        tokenizer=TOKENIZER,
        config=config,
        generator=torch.Generator().manual_seed(seed),
        utf8_mask=UTF8_MASK,
    )


def alone(
    model: Transformer | Engine, prompt: Sequence[int], config: SamplingConfig, *, seed: int = 0
) -> list[tuple[str, int]]:
    chunks = generate(
        model if isinstance(model, Engine) else Engine(model),
        prompt,
        tokenizer=TOKENIZER,
        config=config,
        generator=torch.Generator().manual_seed(seed),
    )
    return [(chunk.text, chunk.id) for chunk in chunks]


def run(
    scheduler: Scheduler, said: dict[SequenceState, list[tuple[str, int]]]
) -> Iterator[list[SequenceState]]:
    """Yield who said something, step by step, to the end."""
    while not scheduler.is_idle:
        speakers = []
        for sequence, chunks, error in scheduler.step():
            assert error is None
            said[sequence] += [(chunk.text, chunk.id) for chunk in chunks]
            speakers.append(sequence)
        yield speakers


def some_config(rng: np.random.Generator) -> SamplingConfig:
    return SamplingConfig.model_validate(
        {
            "sampler": rng.choice(["greedy", "nucleus", "top-k", "min-p"]),
            "temperature": rng.choice([0.7, 1.5]),
            "top_p": rng.choice([0.9, 1.0]),
            "top_k": 3,
            "repetition_penalty": rng.choice([1.0, 1.3]),
            "stop": [(), ("ab", "d"), ("ccc",)][rng.integers(3)],
            "max_chars": int(rng.choice([1, 2, 7, 20])),
        }
    )


def some_prompts(rng: np.random.Generator) -> list[list[int]]:
    """Of any lengths up to twice the context; some begin alike."""
    letters = rng.integers(262, 266, 2 * SEQ_LENGTH).tolist()
    prompts = []
    for _ in range(rng.integers(1, 7)):
        own = rng.integers(262, 266, 2 * SEQ_LENGTH).tolist()
        length = int(rng.integers(0, 2 * SEQ_LENGTH))
        num_same = int(rng.choice([0, length // 2, length]))
        prompts.append([1, *letters[:num_same], *own][: length + 1])
    return prompts


@pytest.mark.parametrize("rounding", [sampler_module.ROUNDING, 0.05, 0.5])
def test_texts_side_by_side_are_to_the_character_what_each_is_alone(
    models: list[Transformer], rounding: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two hundred mixtures; where rounding is said to decide much, much is recomputed."""
    monkeypatch.setattr(sampler_module, "ROUNDING", rounding)
    monkeypatch.setattr(engine_module, "RECOMPUTE_CHUNK", 5)
    num_recomputed = count_recomputed(monkeypatch)
    engines = [Engine(model) for model in models]
    num_texts = 0
    for seed in range(67):
        rng = np.random.default_rng([seed, round(100 * rounding)])
        monkeypatch.setattr(module, "PREFILL_CHUNK", int(rng.choice([1, 3, 7, 128])))
        for each in (module, engine_module):
            monkeypatch.setattr(each, "LEAST_SHARED", int(rng.choice([2, 32])))
        model, prompts = models[seed % 2], some_prompts(rng)
        configs = [some_config(rng) for _ in prompts]
        max_rows = int(rng.integers(1, 9))
        scheduler = Scheduler(Engine(model, num_rows=1 + seed % 3), max_rows=max_rows)
        said: dict[SequenceState, list[tuple[str, int]]] = {}
        steps = run(scheduler, said)
        for number, (prompt, config) in enumerate(zip(prompts, configs, strict=True)):
            sequence = sequence_of(prompt, config, seed=number)
            said[sequence] = []
            scheduler.add(sequence, prompt)
            if rng.random() < 0.3:  # the others come later
                next(steps)
                steps = run(scheduler, said)
        for _ in steps:
            assert len(scheduler._engine.rows) <= max_rows
        for number, found in enumerate(said.values()):
            expected = alone(engines[seed % 2], prompts[number], configs[number], seed=number)
            assert found == expected, (seed, number)
        assert scheduler._engine.rows == []
        num_texts += len(prompts)
    assert num_texts > 150
    assert num_recomputed[0] > (50 if rounding >= 0.05 else -1)


def count_recomputed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    counts = [0]
    recompute = Engine.recompute

    def counted(self: Engine, ids: Sequence[int]) -> Recompute:
        counts[0] += 1
        return recompute(self, ids)

    monkeypatch.setattr(Engine, "recompute", counted)
    return counts


def test_what_rounding_would_decide_is_the_same_whoever_stands_beside_it(
    models: list[Transformer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every pass lies by as much as is allowed for, each time otherwise: texts stay the same."""
    monkeypatch.setattr(sampler_module, "ROUNDING", 0.2)
    forward, rng = Engine.forward, np.random.default_rng(0)

    def lying(self: Engine, work: Sequence[tuple[Row, Sequence[int]]]) -> torch.Tensor:
        logits = forward(self, work)
        return logits + torch.from_numpy(rng.uniform(-0.1, 0.1, logits.shape)).float()

    monkeypatch.setattr(Engine, "forward", lying)
    num_recomputed = count_recomputed(monkeypatch)
    config = SamplingConfig(sampler="nucleus", temperature=1.0, max_chars=15)
    prompts = [LONG[:n] for n in (1, 4, 4, 9, 11)]
    scheduler = Scheduler(Engine(models[1]), max_rows=4)
    said: dict[SequenceState, list[tuple[str, int]]] = defaultdict(list)
    for number, prompt in enumerate(prompts):
        scheduler.add(sequence_of(prompt, config, seed=number), prompt)
    list(run(scheduler, said))
    found = {tuple(chunks) for chunks in said.values()}
    assert found == {
        tuple(alone(models[1], prompt, config, seed=number))
        for number, prompt in enumerate(prompts)
    }
    assert num_recomputed[0] > 10


def test_a_long_prompt_is_read_in_chunks_and_the_others_go_on(
    models: list[Transformer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PREFILL_CHUNK", 2)
    config = SamplingConfig(sampler="top-k", top_k=1, max_chars=40)
    first, long = sequence_of([1], config), sequence_of(LONG, config)
    scheduler = Scheduler(Engine(talkative()), max_rows=2)
    scheduler.add(first, [1])
    said: dict[SequenceState, list[tuple[str, int]]] = defaultdict(list)
    steps = run(scheduler, said)
    assert next(steps) == [first]
    scheduler.add(long, LONG)
    # Eleven ids, two at a time, and the last one as any other id.
    assert [next(steps) for _ in range(5)] == [[first]] * 5
    assert next(steps) == [first, long]
    assert next(steps) == [first, long]


def talkative() -> Transformer:
    """It never ends."""
    model = tiny_model("rotary")
    with torch.no_grad():
        model.lm_head.weight[5, 0] = -1e4
    return model


def test_recomputing_one_text_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "RECOMPUTE_CHUNK", 3)
    model, prompt = talkative(), LONG[:8]
    one, other = sequence_of(prompt, GREEDY), sequence_of([1, 263], GREEDY)
    monkeypatch.setattr(one, "push", lambda logits: None)
    scheduler = Scheduler(Engine(model), max_rows=2)
    scheduler.add(one, prompt)
    scheduler.add(other, [1, 263])
    said: dict[SequenceState, list[tuple[str, int]]] = defaultdict(list)
    steps = run(scheduler, said)
    # Eight ids are read again in three passes, then nine in three.
    read, again, exact = [other], [other], [other, one]
    assert [next(steps) for _ in range(8)] == [read, again, again, exact] * 2
    assert said[one] == alone(model, prompt, GREEDY)[:2]


def test_texts_wait_for_a_row_in_the_order_they_came(models: list[Transformer]) -> None:
    config = SamplingConfig(sampler="greedy", max_chars=3)
    scheduler = Scheduler(Engine(talkative()), max_rows=2)
    sequences = [sequence_of([1, 262 + n % 4], config) for n in range(5)]
    for n, sequence in enumerate(sequences):
        scheduler.add(sequence, [1, 262 + n % 4])
    said: dict[SequenceState, list[tuple[str, int]]] = defaultdict(list)
    steps = list(run(scheduler, said))
    a, b, c, d, e = sequences
    # Each pair says its three letters, then the next one.
    assert [set(speakers) for speakers in steps] == [{a, b}] * 3 + [{c, d}] * 3 + [{e}] * 3
    assert scheduler.is_idle


def test_a_prompt_whose_beginning_is_being_read_waits_to_share_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for each in (module, engine_module):
        monkeypatch.setattr(each, "LEAST_SHARED", 4)
    monkeypatch.setattr(module, "PREFILL_CHUNK", 3)
    num_read = 0
    forward = Engine.forward

    def counted(self: Engine, work: Sequence[tuple[Row, Sequence[int]]]) -> torch.Tensor:
        nonlocal num_read
        num_read += sum(len(ids) for _, ids in work)
        return forward(self, work)

    monkeypatch.setattr(Engine, "forward", counted)
    model, config = talkative(), SamplingConfig(sampler="greedy", max_chars=2)
    prompts = [LONG, [*LONG[:8], 262, 262], LONG]
    scheduler = Scheduler(Engine(model), max_rows=3)
    said: dict[SequenceState, list[tuple[str, int]]] = {}
    for prompt in prompts:
        sequence = sequence_of(prompt, config)
        said[sequence] = []
        scheduler.add(sequence, prompt)
    for _ in run(scheduler, said):
        pass
    # Eleven ids; two behind the eight in common; the last one once more; and one said of each.
    assert num_read == 11 + 2 + 1 + 3
    assert list(said.values()) == [alone(model, prompt, config) for prompt in prompts]


def test_a_step_is_done_whole_whatever_becomes_of_what_it_gives() -> None:
    model, prompts = talkative(), [[1], [262], [263]]
    config = SamplingConfig(sampler="nucleus", temperature=1.5, max_chars=12)
    sequences = [sequence_of(prompt, config) for prompt in prompts]
    scheduler = Scheduler(Engine(model), max_rows=3)
    for sequence, prompt in zip(sequences, prompts, strict=True):
        scheduler.add(sequence, prompt)
    for _ in range(4):
        next(iter(scheduler.step()))
    said: dict[SequenceState, list[tuple[str, int]]] = defaultdict(list)
    for _ in run(scheduler, said):
        pass
    for sequence, prompt in zip(sequences, prompts, strict=True):
        assert said[sequence] == alone(model, prompt, config)[4:]


def test_nothing_to_do_takes_no_step() -> None:
    scheduler = Scheduler(Engine(tiny_model("rotary")), max_rows=2)
    assert scheduler.is_idle
    assert scheduler.step() == []


def test_a_text_whose_logits_are_no_numbers_ends_with_an_error_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, config = talkative(), SamplingConfig(sampler="greedy", max_chars=8)
    good, bad = sequence_of([1, 262], config), sequence_of([1, 263], config)
    push = bad.push
    monkeypatch.setattr(bad, "push", lambda logits: push(logits * np.nan))
    scheduler = Scheduler(Engine(model), max_rows=2)
    for sequence, prompt in ((bad, [1, 263]), (good, [1, 262])):
        scheduler.add(sequence, prompt)
    (failed, chunks, error), (other, *_) = scheduler.step()
    assert (failed, chunks, other) == (bad, [], good)
    assert error is not None
    assert "not numbers" in error.message
    said: dict[SequenceState, list[tuple[str, int]]] = defaultdict(list)
    list(run(scheduler, said))
    assert said == {good: alone(model, [1, 262], config)[1:]}
    assert scheduler._engine.rows == []


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_a_cancelled_text_leaves_and_the_others_stay_what_they_are(number: int) -> None:
    """Two go on, two wait; whichever leaves, the rows stay side by side."""
    model, config = talkative(), SamplingConfig(sampler="nucleus", max_chars=9)
    prompts = [[1, 262 + n] for n in range(4)]
    sequences = [sequence_of(prompt, config, seed=n) for n, prompt in enumerate(prompts)]
    scheduler = Scheduler(Engine(model), max_rows=2)
    for sequence, prompt in zip(sequences, prompts, strict=True):
        scheduler.add(sequence, prompt)
    said: dict[SequenceState, list[tuple[str, int]]] = {each: [] for each in sequences}
    steps = run(scheduler, said)
    for _ in range(3):
        next(steps)
    scheduler.cancel(sequences[number])
    had = list(said[sequences[number]])
    list(steps)
    for n, sequence in enumerate(sequences):
        expected = alone(model, prompts[n], config, seed=n)
        assert said[sequence] == (had if n == number else expected)
    scheduler.cancel(sequences[number])  # it is no longer there
    assert (scheduler.is_idle, scheduler.num_free) == (True, 2)


def test_an_interactive_step_reads_no_more_of_prompts_than_twice_the_texts_that_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sampler_module, "ROUNDING", 0.0)  # nothing is recomputed
    monkeypatch.setattr(module, "LEAST_PREFILL", 1)
    monkeypatch.setattr(module, "PREFILL_CHUNK", 6)
    config = SamplingConfig(sampler="greedy", max_chars=40)
    scheduler = Scheduler(Engine(talkative()), max_rows=8, is_interactive=True)
    passes: list[list[int]] = []
    forward = Engine.forward

    def counted(self: Engine, work: Sequence[tuple[Row, Sequence[int]]]) -> torch.Tensor:
        passes.append([len(ids) for _, ids in work])
        return forward(self, work)

    monkeypatch.setattr(Engine, "forward", counted)
    prompts = [[1, *[262 + (n * m) % 4 for m in range(7)]] for n in range(4)]
    for prompt in prompts:
        scheduler.add(sequence_of(prompt, config), prompt)
    for _ in range(12):
        scheduler.step()
    # Nobody waits for a character yet: six ids at once, then the first one's last two beside
    # two each of others.
    assert passes[:2] == [[6], [2, 2, 2]]
    # Then two of the next one's six, beside each character of the text that goes on.
    assert passes[2:8] == [[1], [2]] * 3
    assert max(sum(each) for each in passes) == 6


def test_an_interactive_step_recomputes_for_one_text_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = talkative()
    scheduler = Scheduler(Engine(model), max_rows=3, is_interactive=True)
    prompts = [[1, 262 + n] for n in range(3)]
    said: dict[SequenceState, list[tuple[str, int]]] = {}
    for prompt in prompts:
        sequence = sequence_of(prompt, GREEDY)
        monkeypatch.setattr(sequence, "push", lambda logits: None)
        scheduler.add(sequence, prompt)
        said[sequence] = []
    steps = list(run(scheduler, said))
    assert max(map(len, steps)) == 1
    assert list(said.values()) == [alone(model, prompt, GREEDY) for prompt in prompts]


@pytest.mark.parametrize("rounding", [sampler_module.ROUNDING, 0.3])
def test_a_text_alone_is_said_by_draft_tokens_and_stays_the_same(
    rounding: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler_module, "ROUNDING", rounding)
    monkeypatch.setattr(module, "NUM_DRAFT_TOKENS", 3)
    model = talkative()
    config = SamplingConfig(sampler="nucleus", temperature=1.2, max_chars=30)
    others = [[1, 263], [1, 264, 262]]
    expected = alone(model, [1], config, seed=5)
    speculator = Speculator()
    monkeypatch.setattr(speculator.policy, "is_speculating", lambda: True)
    monkeypatch.setattr(speculator.policy, "stop", lambda **_: None)
    num_verified = [0]
    verify = Engine.verify

    def counted(self: Engine, row: Row, ids: Sequence[int]) -> torch.Tensor:
        num_verified[0] += len(ids) > 1
        return verify(self, row, ids)

    monkeypatch.setattr(Engine, "verify", counted)
    scheduler = Scheduler(Engine(model), max_rows=3, speculator=speculator, is_interactive=True)
    said: dict[SequenceState, list[tuple[str, int]]] = defaultdict(list)
    first = sequence_of([1], config, seed=5)
    scheduler.add(first, [1])
    steps = run(scheduler, said)
    for _ in range(3):
        next(steps)
    rest = [sequence_of(prompt, GREEDY, seed=n) for n, prompt in enumerate(others)]
    for sequence, prompt in zip(rest, others, strict=True):
        scheduler.add(sequence, prompt)
    list(steps)
    assert said[first] == expected
    assert [said[each] for each in rest] == [alone(model, prompt, GREEDY) for prompt in others]
    assert num_verified[0] > 3
    assert scheduler._engine.rows == []


def test_an_interactive_step_cuts_prompts_where_the_engine_wants_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LEAST_PREFILL", 1)
    monkeypatch.setattr(module, "PREFILL_CHUNK", 6)
    engine = Engine(talkative())
    engine.backend.chunk_size = 4
    scheduler = Scheduler(engine, max_rows=2, is_interactive=True)
    passes: list[list[int]] = []
    forward = Engine.forward

    def counted(self: Engine, work: Sequence[tuple[Row, Sequence[int]]]) -> torch.Tensor:
        passes.append([len(ids) for _, ids in work])
        return forward(self, work)

    monkeypatch.setattr(Engine, "forward", counted)
    for prompt in (LONG, [*LONG[:3], 265, *LONG[:4]]):
        scheduler.add(sequence_of(prompt, GREEDY), prompt)
    for _ in range(3):
        scheduler.step()
    # Eight of eleven, the other three; then four of eight beside a character.
    assert passes == [[8], [3], [1], [4]]
