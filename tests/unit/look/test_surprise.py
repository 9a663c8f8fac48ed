"""How much each piece surprised the model, and what it had expected."""

import math

import pytest
import torch

from lumina_cli.conversation import Message
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.look.reading import read_messages, read_plain
from lumina_cli.look.surprise import GREY, surprise
from lumina_cli.tokenizer.base import Tokenizer
from tests.unit.look.conftest import CHARACTERS, tiny_model

TALK = [Message("user", "abc?"), Message("bot", "de. abc ü")]


def test_the_nats_are_those_of_the_plain_pass(model: Transformer, tokenizer: Tokenizer) -> None:
    reading = read_messages(TALK, tokenizer=tokenizer, loss_on="bot")
    view = surprise(model, reading)
    idx = torch.tensor(reading.ids)
    with torch.inference_mode():
        logprobs = model(idx[None])[0].log_softmax(dim=-1)
    assert view.nats[0] is None
    for place in range(1, len(reading)):
        nats = view.nats[place]
        assert nats is not None
        assert math.isclose(nats, -float(logprobs[place - 1, idx[place]]), abs_tol=1e-5)
        assert view.expected[place][0].id == int(logprobs[place - 1].argmax())


def test_the_mean_is_over_the_characters_that_were_learnt(
    model: Transformer, tokenizer: Tokenizer
) -> None:
    reading = read_messages(TALK, tokenizer=tokenizer, loss_on="bot")
    view = surprise(model, reading)
    reply = [
        nats
        for nats, piece in zip(view.nats, view.text.pieces, strict=True)
        if piece.speaker == "bot" and nats is not None and not piece.label.startswith("<|")
    ]
    assert view.num_chars == len("de. abc ü")
    assert view.nats_per_char == pytest.approx(math.fsum(reply) / 9)
    costs = [view.nats[place] or 0 for place in view.least_sure]
    assert costs == sorted(costs, reverse=True)
    assert all(view.text.pieces[place].counted for place in view.least_sure)
    assert GREY in view.notes


def test_a_text_longer_than_the_context_is_read_in_windows_side_by_side() -> None:
    model = tiny_model(CHARACTERS, seq_length=8)
    reading = read_plain("abcdefgh abcdefgh.", tokenizer=CHARACTERS)
    view = surprise(model, reading)
    second = torch.tensor([reading.ids[8:16]])
    with torch.inference_mode():
        logprobs = model(second)[0].log_softmax(dim=-1)
    assert view.nats[9] == pytest.approx(-float(logprobs[0, reading.ids[9]]), abs=1e-5)


def test_where_nothing_counts_there_is_no_mean(model: Transformer, tokenizer: Tokenizer) -> None:
    reading = read_messages(TALK[:1], tokenizer=tokenizer, loss_on="bot")
    view = surprise(model, reading)
    assert (view.nats_per_char, view.num_chars, view.least_sure) == (None, 0, [])
