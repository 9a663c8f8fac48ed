"""What may come next, by the model and as it is drawn."""

import math

import numpy as np
import pytest
import torch

from lumina_cli.conversation import Message
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.sampling.filters import softmax
from lumina_cli.core.inference.sampling.utf8_mask import Utf8Mask
from lumina_cli.core.inference.sequence import SequenceState
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.look.next_character import next_character
from lumina_cli.look.reading import Reading, read_messages, read_plain
from lumina_cli.tokenizer.base import Tokenizer
from tests.unit.core.inference.composed import composed
from tests.unit.core.inference.sampling.test_sampler import DRAWING
from tests.unit.look.conftest import CHARACTERS, SUBWORDS, tiny_model


def asked(tokenizer: Tokenizer) -> Reading:
    return read_messages([Message("user", "abc?")], tokenizer=tokenizer, loss_on="bot")


def plain_probs(model: Transformer, reading: Reading) -> torch.Tensor:
    with torch.inference_mode():
        logits = model(torch.tensor([reading.ids]))[0, -1]
        return logits.double().softmax(dim=-1)


@pytest.mark.parametrize("config", DRAWING, ids=lambda config: config.sampler)
def test_the_distribution_shown_is_the_samplers(
    model: Transformer, tokenizer: Tokenizer, config: SamplingConfig
) -> None:
    """Against penalty, temperature and filter put together, of the plain pass's logits."""
    reading = asked(tokenizer)
    with torch.inference_mode():
        logits = model(torch.tensor([reading.ids]))[0, -1].double().numpy()
    valid = logits + Utf8Mask(tokenizer).row(0)
    expected = softmax(composed(config, valid, reading.ids))
    view = next_character(model, reading, config=config)
    for candidate in view.candidates:
        assert math.isclose(candidate.drawn, expected[candidate.id], abs_tol=1e-6)
    assert view.num_kept == np.count_nonzero(expected)
    most = set(np.argsort(-expected)[: min(20, view.num_kept)].tolist())
    assert most <= {candidate.id for candidate in view.candidates}


def test_the_models_own_probabilities_are_those_of_the_plain_pass(
    model: Transformer, tokenizer: Tokenizer
) -> None:
    reading = asked(tokenizer)
    view = next_character(model, reading, config=SamplingConfig())
    probs = plain_probs(model, reading)
    for candidate in view.candidates:
        assert math.isclose(candidate.prob, float(probs[candidate.id]), abs_tol=1e-6)
    shown = math.fsum(candidate.prob for candidate in view.candidates)
    assert math.isclose(shown + view.rest_prob, 1.0, abs_tol=1e-9)
    assert [c.prob for c in view.candidates] == sorted(
        (c.prob for c in view.candidates), reverse=True
    )


def test_the_end_of_a_text_that_subwords_may_cut_otherwise_is_held_as_in_generate() -> None:
    model = tiny_model(SUBWORDS)
    reading = read_plain("ab", tokenizer=SUBWORDS)
    view = next_character(model, reading, config=SamplingConfig(temperature=1, top_p=1))
    ids, held = SUBWORDS.without_open_end(SUBWORDS.encode("ab"))
    assert held == view.held != ""
    sequence = SequenceState(
        [1, *ids],
        tokenizer=SUBWORDS,
        config=SamplingConfig(temperature=1, top_p=1),
        generator=torch.Generator(),
        utf8_mask=Utf8Mask(SUBWORDS),
        held_text=held,
    )
    may_come = np.isfinite(sequence._biased(np.zeros(SUBWORDS.vocab_size)))
    assert {c.id for c in view.candidates if c.drawn > 0} == set(np.flatnonzero(may_come).tolist())


def test_only_the_end_that_the_context_has_room_for_is_read() -> None:
    model = tiny_model(CHARACTERS, seq_length=8)
    view = next_character(
        model, read_plain("abcdefgh abc", tokenizer=CHARACTERS), config=SamplingConfig()
    )
    assert view.text.num_left_out == 5
    end = Reading(CHARACTERS.encode("efgh abc"), [True] * 8, CHARACTERS)
    assert view.candidates == next_character(model, end, config=SamplingConfig()).candidates


def test_beam_search_is_shown_as_draws_and_says_so(
    model: Transformer, tokenizer: Tokenizer
) -> None:
    view = next_character(model, asked(tokenizer), config=SamplingConfig(sampler="beam"))
    assert view.sampling["sampler"] == "nucleus"
    assert any("Beam search" in note for note in view.notes)
