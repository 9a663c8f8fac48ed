"""Beam search against trying everything, on a model of three characters."""

import itertools
from collections.abc import Iterator, Sequence

import pytest
import torch

from lumina_cli.core.inference.beam import BeamSearch, Candidate
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.engine import Engine, Row
from lumina_cli.core.inference.generate import generate
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.tokenizer.characters import CharacterTokenizer
from lumina_cli.tokenizer.special_ids import FIRST_CHARACTER, Special

TOKENIZER = CharacterTokenizer("abc")
CHARACTERS = range(FIRST_CHARACTER, FIRST_CHARACTER + 3)
SAYABLE = [Special.END, *CHARACTERS]
PROMPT = [Special.BEGIN, Special.USER, 262, Special.END, Special.BOT]


def model_of_few_ids(seed: int, *, seq_length: int = 16) -> Transformer:
    """A model that holds all but <|end|>, a, b and c for impossible."""
    config = ModelConfig(hidden_size=16, num_layers=1, num_heads=1, seq_length=seq_length)
    generator = torch.Generator().manual_seed(seed)
    model = build_model(config, vocab_size=TOKENIZER.vocab_size, generator=generator).eval()
    with torch.no_grad():
        torch.nn.init.normal_(model.lm_head.weight, std=0.4, generator=generator)
        model.ln_f.weight[0], model.ln_f.bias[0] = 0, 1  # the first hidden number is always 1
        model.lm_head.weight[:, 0] = -1e4
        model.lm_head.weight[SAYABLE, 0] = 0
    return model


def beam_search(model: Transformer, config: SamplingConfig) -> list[Candidate]:
    return BeamSearch(Engine(model), PROMPT, tokenizer=TOKENIZER, config=config).run()


def all_replies(max_chars: int) -> Iterator[list[int]]:
    for length in range(max_chars + 1):
        for characters in itertools.product(CHARACTERS, repeat=length):
            yield [*characters, Special.END] if length < max_chars else list(characters)


def exhaustive(
    model: Transformer, max_chars: int, *, length_penalty: float
) -> list[tuple[float, list[int]]]:
    scored = []
    for reply in all_replies(max_chars):
        with torch.inference_mode():
            logprobs = model(torch.tensor([PROMPT + reply]))[0].double().log_softmax(-1)
        places = range(len(PROMPT) - 1, len(PROMPT) + len(reply) - 1)
        total = sum(logprobs[place, id_].item() for place, id_ in zip(places, reply, strict=True))
        scored.append((total / len(reply) ** length_penalty, reply))
    return sorted(scored, reverse=True)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 0.6, -1.0])
def test_it_finds_what_trying_everything_finds(seed: int, length_penalty: float) -> None:
    model = model_of_few_ids(seed)
    config = SamplingConfig(
        sampler="beam", num_beams=40, num_candidates=8, max_chars=4, length_penalty=length_penalty
    )
    found = beam_search(model, config)
    expected = exhaustive(model, 4, length_penalty=length_penalty)[:8]
    assert [[chunk.id for chunk in c.chunks] for c in found] == [reply for _, reply in expected]
    assert [c.score for c in found] == pytest.approx([s for s, _ in expected], abs=1e-4)


def test_one_beam_is_greedy() -> None:
    model = model_of_few_ids(1)
    beam = SamplingConfig(sampler="beam", num_beams=1, max_chars=40)
    greedy = SamplingConfig(sampler="greedy", max_chars=40)
    chunks = generate(
        Engine(model), PROMPT, tokenizer=TOKENIZER, config=greedy, generator=torch.Generator()
    )
    [found] = beam_search(model, beam)
    assert found.text == "".join(chunk.text for chunk in chunks)


def test_more_beams_find_a_likelier_reply_than_greedy_somewhere() -> None:
    gains = []
    for seed in range(6):
        model = model_of_few_ids(seed)
        scores = [
            beam_search(model, SamplingConfig(sampler="beam", num_beams=beams, max_chars=8))[
                0
            ].score
            for beams in (1, 8)
        ]
        gains.append(scores[1] - scores[0])
    assert min(gains) >= -1e-6
    assert max(gains) > 0.01


def test_logprobs_add_up_to_the_score() -> None:
    config = SamplingConfig(sampler="beam", num_beams=4, max_chars=10)
    [found] = beam_search(model_of_few_ids(2), config)
    assert sum(chunk.logprob for chunk in found.chunks) == pytest.approx(found.score)


def test_texts_longer_than_the_context_are_searched() -> None:
    model = model_of_few_ids(3, seq_length=8)
    with torch.no_grad():
        model.lm_head.weight[Special.END, 0] = -1e4
    config = SamplingConfig(sampler="beam", num_beams=3, num_candidates=3, max_chars=30)
    found = beam_search(model, config)
    assert [len(candidate.text) for candidate in found] == [30, 30, 30]
    assert len({candidate.text for candidate in found}) == 3


def test_a_candidate_ends_before_a_stop_text() -> None:
    model = model_of_few_ids(1)
    config = SamplingConfig(sampler="beam", num_beams=8, num_candidates=8, max_chars=6, stop="b")
    found = beam_search(model, config)
    assert found
    assert not any("b" in candidate.text for candidate in found)


def test_a_search_that_is_stopped_knows_the_likeliest_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = model_of_few_ids(1)
    with torch.no_grad():
        model.lm_head.weight[Special.END, 0] = -1e4
    config = SamplingConfig(sampler="beam", num_beams=40, max_chars=9)
    search = BeamSearch(Engine(model), PROMPT, tokenizer=TOKENIZER, config=config)
    whole_decode, reads = Engine.decode, iter(range(2))

    def decode(self: Engine, rows: Sequence[Row], ids: Sequence[int]) -> torch.Tensor:
        if next(reads, None) is None:
            raise KeyboardInterrupt
        return whole_decode(self, rows, ids)

    monkeypatch.setattr(Engine, "decode", decode)
    with pytest.raises(KeyboardInterrupt):
        search.run()
    likeliest = max(
        (total, reply)
        for total, reply in exhaustive(model, 3, length_penalty=0.0)
        if Special.END not in reply
    )
    assert [chunk.id for chunk in search.best()[0].chunks] == likeliest[1]


def test_a_search_that_read_nothing_has_found_nothing() -> None:
    config = SamplingConfig(sampler="beam", num_beams=3)
    search = BeamSearch(Engine(model_of_few_ids(1)), PROMPT, tokenizer=TOKENIZER, config=config)
    assert search.best() == []


def test_a_second_search_reads_no_common_beginning_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, config = model_of_few_ids(2), SamplingConfig(sampler="beam", num_beams=4, max_chars=5)
    engine, num_read = Engine(model), []
    BeamSearch(engine, PROMPT, tokenizer=TOKENIZER, config=config).run()
    prefill = Engine.begin

    def counted(self: Engine, row: Row, prompt_ids: Sequence[int]) -> list[int]:
        unread = prefill(self, row, prompt_ids)
        num_read.append(len(unread))
        return unread

    monkeypatch.setattr(Engine, "begin", counted)
    longer, wider = [*PROMPT, 263, 264], config.model_copy(update={"num_beams": 6})
    again = BeamSearch(engine, longer, tokenizer=TOKENIZER, config=wider).run()
    fresh = BeamSearch(Engine(model), longer, tokenizer=TOKENIZER, config=wider).run()
    assert num_read[0] <= 2
    assert num_read[1] == len(longer)
    assert again[0].text == fresh[0].text
    assert again[0].score == pytest.approx(fresh[0].score, abs=1e-4)


def test_a_cache_that_grew_in_a_search_may_be_used_outside_of_it() -> None:
    model, config = model_of_few_ids(2), SamplingConfig(sampler="beam", num_beams=3, max_chars=4)
    engine = Engine(model)
    BeamSearch(engine, PROMPT, tokenizer=TOKENIZER, config=config).run()
    row = engine.rows[0]
    engine.prefill(row, PROMPT)
    fork = engine.fork(row)
    engine.release(engine.rows[1])
    engine.reorder([0])
    with torch.inference_mode():
        expected = model(torch.tensor([[*PROMPT, 263]]))[:, -1]
    torch.testing.assert_close(engine.decode([fork], [263]), expected, rtol=1e-4, atol=1e-4)
