"""What heads look at, and what each is worth."""

import copy

import pytest
import torch

from lumina_cli.core.model.transformer import Block, Transformer
from lumina_cli.look.heads import heads
from lumina_cli.look.reading import read_plain
from lumina_cli.tokenizer.base import Tokenizer
from tests.unit.look.conftest import CHARACTERS, tiny_model

TEXT = "abc de. fgh? abc"


def without(model: Transformer, *off: tuple[int, int]) -> Transformer:
    cut = copy.deepcopy(model)
    size = model.config.head_size
    for layer, head in off:
        block = cut.h[layer]
        assert isinstance(block, Block)
        with torch.no_grad():
            block.attn.c_proj.weight[:, head * size : (head + 1) * size] = 0
    return cut


def plain_logprobs(model: Transformer, ids: list[int]) -> torch.Tensor:
    with torch.inference_mode():
        return model(torch.tensor([ids]))[0, -1].log_softmax(dim=-1)


def test_what_a_head_is_worth_is_what_the_target_costs_more_without_it(
    model: Transformer, tokenizer: Tokenizer
) -> None:
    reading = read_plain(TEXT, tokenizer=tokenizer)
    position = len(reading) - 4
    view = heads(model, reading, position=position, off=[(1, 0), (0, 1)])
    ids, target_id = reading.ids[: position + 1], reading.ids[position + 1]
    plain = plain_logprobs(model, ids)
    for layer in range(2):
        for head in range(2):
            cut = plain_logprobs(without(model, (layer, head)), ids)
            worth = float(plain[target_id] - cut[target_id])
            assert view.deltas[layer][head] == pytest.approx(worth, abs=1e-5)
    both = plain_logprobs(without(model, (1, 0), (0, 1)), ids).exp().topk(5)
    assert [guess.id for guess in view.guesses_off] == both.indices.tolist()
    assert [guess.prob for guess in view.guesses_off] == pytest.approx(
        both.values.tolist(), abs=1e-5
    )
    assert view.guesses[0].id == int(plain.argmax())


def test_rows_sum_to_one_and_maps_come_on_request() -> None:
    model, reading = tiny_model(CHARACTERS), read_plain(TEXT, tokenizer=CHARACTERS)
    view = heads(model, reading, position=6)
    assert view.maps is None
    for layer in view.rows:
        for row in layer:
            assert len(row) == 7
            assert sum(row) == pytest.approx(1, abs=1e-5)
    with_maps = heads(model, reading, position=6, with_maps=True).maps
    assert with_maps is not None
    assert with_maps[1][0][6] == pytest.approx(view.rows[1][0], abs=1e-6)
    assert with_maps[1][0][2][3:] == [0.0] * 4


def test_behind_the_text_the_likeliest_is_what_heads_are_worth_something_for() -> None:
    model, reading = tiny_model(CHARACTERS), read_plain(TEXT, tokenizer=CHARACTERS)
    view = heads(model, reading, position=len(reading) - 1)
    assert view.target_id == int(plain_logprobs(model, reading.ids).argmax()) == view.guesses[0].id
