"""A prompt that ends within a word: the first id is held to the text that was taken back."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from lumina_cli.core.inference.batch import batch_generate
from lumina_cli.core.inference.beam import BeamSearch
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.engine import Engine
from lumina_cli.core.inference.generate import generate
from lumina_cli.core.inference.sampling.utf8_mask import Utf8Mask
from lumina_cli.core.inference.sequence import SequenceState
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.tokenizer.bpe.tokenizer import BpeTokenizer
from lumina_cli.tokenizer.characters import CharacterTokenizer
from lumina_cli.tokenizer.special_ids import Special

BPE = BpeTokenizer("abc", [("a", "b"), ("ab", "c"), ("ab", "a"), ("b", "c"), ("c", "a")])
PLAIN = SamplingConfig(sampler="nucleus", top_p=1.0, temperature=1.0, max_chars=6)


@pytest.fixture(scope="module")
def model() -> Transformer:
    generator = torch.Generator().manual_seed(3)
    config = ModelConfig(hidden_size=16, num_layers=1, num_heads=2, seq_length=32)
    made = build_model(config, vocab_size=BPE.vocab_size, generator=generator).eval()
    with torch.no_grad():
        made.lm_head.weight.mul_(4)
    return made


def prompt_of(text: str) -> tuple[list[int], str]:
    ids, held_text = BPE.without_open_end(BPE.encode(text))
    return [Special.BEGIN, *ids], held_text


def test_the_last_piece_is_taken_back_where_a_longer_one_begins_with_it() -> None:
    assert BPE.without_open_end(BPE.encode("cab")) == ([264], "ab")  # abc and aba begin so
    assert BPE.without_open_end(BPE.encode("b")) == ([], "b")
    assert BPE.without_open_end(BPE.encode("bcab")) == (BPE.encode("bc"), "ab")
    assert BPE.without_open_end(BPE.encode("abc")) == (BPE.encode("abc"), "")
    assert BPE.without_open_end(BPE.encode("ab€")) == (BPE.encode("ab€"), "")
    assert BPE.without_open_end([]) == ([], "")
    assert CharacterTokenizer("abc").without_open_end([262, 263]) == ([262, 263], "")


def enumerated(model: Transformer, text: str) -> dict[str, float]:
    """Return the texts that may follow a prompt by its next id, each with its probability.

    The model's own probabilities of all ids whose text goes on with what was taken back.
    """
    ids, held_text = prompt_of(text)
    with torch.no_grad():
        probs = model(torch.tensor([ids]))[0, -1].double().softmax(-1)
    texts = {id_: BPE.decode([id_]) for id_ in range(262, BPE.vocab_size)}
    fit = {id_: each for id_, each in texts.items() if each[: len(held_text)] == held_text}
    whole = sum(float(probs[id_]) for id_ in fit)
    return {each[len(held_text) :]: float(probs[id_]) / whole for id_, each in fit.items()}


def drawn(model: Transformer, text: str, *, num: int) -> dict[str, float]:
    """Return how often each text followed a prompt by its first id."""
    ids, held_text = prompt_of(text)
    with torch.no_grad():
        logits = model(torch.tensor([ids]))[0, -1].numpy()
    seen: dict[str, float] = {}
    mask = Utf8Mask(BPE)
    for seed in range(num):
        sequence = SequenceState(
            ids,
            tokenizer=BPE,
            config=PLAIN,
            generator=torch.Generator().manual_seed(seed),
            utf8_mask=mask,
            held_text=held_text,
        )
        chunks = sequence.push(logits)
        (chunk,) = sequence.push_exact(logits) if chunks is None else chunks
        seen[chunk.text] = seen.get(chunk.text, 0) + 1 / num
    return seen


@pytest.mark.parametrize("text", ["ab", "a", "cab", "bcab"])
def test_what_follows_is_drawn_as_by_enumeration(model: Transformer, text: str) -> None:
    expected, found = enumerated(model, text), drawn(model, text, num=3_000)
    assert set(found) <= set(expected)
    assert len(expected) > 1
    for each, prob in expected.items():
        spread = np.sqrt(prob * (1 - prob) / 3_000)
        assert found.get(each, 0.0) == pytest.approx(prob, abs=5 * spread + 1e-9)


def test_the_likeliest_goes_on_within_the_word(model: Transformer) -> None:
    greedy = SamplingConfig(sampler="greedy", max_chars=1)
    for text in ("ab", "a", "cab"):
        ids, held_text = prompt_of(text)
        chunks = list(
            generate(
                Engine(model),
                ids,
                tokenizer=BPE,
                config=greedy,
                generator=torch.Generator(),
                held_text=held_text,
            )
        )
        expected = enumerated(model, text)
        assert BPE.decode([chunks[0].id]).startswith(held_text)
        assert chunks[0].text == max(expected, key=lambda each: expected[each])[:1]


DRIVER = BpeTokenizer("drive", [("d", "r"), ("dr", "i"), ("v", "e"), ("ve", "r"), ("dri", "ver")])


def driver_model() -> Transformer:
    """Return a model that would say "driver" first; then "ve"; and anything else behind them."""
    generator = torch.Generator().manual_seed(0)
    config = ModelConfig(hidden_size=16, num_layers=1, num_heads=2, seq_length=32)
    made = build_model(config, vocab_size=DRIVER.vocab_size, generator=generator).eval()
    with torch.no_grad():
        made.ln_f.weight[0], made.ln_f.bias[0] = 0, 1
        made.lm_head.weight[:, 0] = torch.arange(DRIVER.vocab_size) * 10.0
    return made


@pytest.mark.parametrize("how", ["alone", "beam"])
def test_a_piece_that_swallows_several_ids_of_the_prompt_is_reached(how: str) -> None:
    """The ids of "driv" are "dri" and "v", but those of "driver" are one."""
    model = driver_model()
    ids, held_text = DRIVER.without_open_end(DRIVER.encode("driv"))
    assert (ids, held_text) == ([], "driv")
    config = SamplingConfig(sampler="greedy" if how == "alone" else "beam", max_chars=2)
    engine, begin = Engine(model, num_rows=config.num_beams), [int(Special.BEGIN)]
    if how == "beam":
        search = BeamSearch(engine, begin, tokenizer=DRIVER, config=config, held_text=held_text)
        chunks = list(search.run()[0].chunks)
    else:
        chunks = list(
            generate(
                engine,
                begin,
                tokenizer=DRIVER,
                config=config,
                generator=torch.Generator(),
                held_text=held_text,
            )
        )
    assert [chunk.id for chunk in chunks] == DRIVER.encode("driver")
    assert "".join(chunk.text for chunk in chunks) == "er"


def test_several_ids_can_say_the_end_of_a_prompt() -> None:
    """By either way what is generated follows "driv", and is as long as was asked for."""
    model = driver_model()
    with torch.no_grad():
        model.lm_head.weight[:, 0] = 0  # all ids alike
    _, held_text = DRIVER.without_open_end(DRIVER.encode("driv"))
    firsts = set()
    for seed in range(30):
        chunks = list(
            generate(
                Engine(model),
                [int(Special.BEGIN)],
                tokenizer=DRIVER,
                config=PLAIN,
                generator=torch.Generator().manual_seed(seed),
                held_text=held_text,
            )
        )
        said = DRIVER.decode(chunk.id for chunk in chunks)
        text = "".join(chunk.text for chunk in chunks)
        assert said.startswith("driv" + text)
        assert len(text) == 6 or chunks[-1].id == Special.END
        firsts.add(DRIVER.describe(chunks[0].id))
    assert firsts == {"driver", "dri"}


def texts(
    model: Transformer, text: str, *, how: str, config: SamplingConfig = PLAIN
) -> Sequence[str]:
    """Return what follows a prompt by each way of generating."""
    ids, held_text = prompt_of(text)
    generators = [torch.Generator().manual_seed(seed) for seed in range(4)]
    if how == "together":
        found = batch_generate(
            model,
            [ids] * 4,
            tokenizer=BPE,
            config=config,
            generators=generators,
            held_text=held_text,
        )
        return ["".join(chunk.text for chunk in chunks) for chunks in found]
    return [
        "".join(
            chunk.text
            for chunk in generate(
                Engine(model),
                ids,
                tokenizer=BPE,
                config=config,
                generator=generator,
                held_text=held_text,
            )
        )
        for generator in generators
    ]


@pytest.mark.parametrize("stop", [(), ("ca",)])
def test_texts_side_by_side_are_those_of_one_by_one(
    model: Transformer, stop: tuple[str, ...]
) -> None:
    config = PLAIN.model_copy(update={"stop": stop})
    alone = texts(model, "bcab", how="alone", config=config)
    assert alone == texts(model, "bcab", how="together", config=config)
    assert all(len(text) <= 6 for text in alone)


def test_beam_search_goes_on_with_the_likeliest(model: Transformer) -> None:
    ids, held_text = prompt_of("cab")
    config = SamplingConfig(sampler="beam", num_beams=8, num_candidates=3, max_chars=1)
    engine = Engine(model, num_rows=8)
    search = BeamSearch(engine, ids, tokenizer=BPE, config=config, held_text=held_text)
    found = search.run()
    assert all(BPE.decode([each.chunks[0].id]).startswith(held_text) for each in found)
    assert all(len(each.text) <= 1 for each in found)
    assert BPE.decode([found[0].chunks[0].id])[len(held_text) :][:1] == found[0].text[:1]


def test_an_id_that_only_says_the_prompt_again_is_none_of_those_asked_for(
    model: Transformer,
) -> None:
    ids, held_text = prompt_of("ab")
    for seed in range(20):
        sequence = SequenceState(
            ids,
            tokenizer=BPE,
            config=PLAIN,
            generator=torch.Generator().manual_seed(seed),
            utf8_mask=Utf8Mask(BPE),
            max_ids=1,
            held_text=held_text,
        )
        with torch.no_grad():
            logits = model(torch.tensor([ids]))[0, -1].numpy()
        (chunk,) = sequence.push(logits) or sequence.push_exact(logits)
        assert sequence.has_ended == bool(chunk.text)
