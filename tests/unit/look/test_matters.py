"""What mattered: what hiding changes, against models in which it is known."""

import math

import pytest
import torch

from lumina_cli.core.model.transformer import Transformer
from lumina_cli.look.matters import ContextPoint, matters
from lumina_cli.look.reading import read_plain
from lumina_cli.tokenizer.base import Tokenizer
from tests.unit.look.conftest import CHARACTERS, tiny_model

TEXT = "abc de. fgh? abc"


def plain_logprob(model: Transformer, ids: list[int], target_id: int) -> float:
    with torch.inference_mode():
        return float(model(torch.tensor([ids]))[0, -1].log_softmax(dim=-1)[target_id])


def test_the_whole_context_equals_the_plain_pass(model: Transformer, tokenizer: Tokenizer) -> None:
    reading = read_plain(TEXT, tokenizer=tokenizer)
    target = len(reading) - 2
    view = matters(model, reading, target=target)
    expected = plain_logprob(model, reading.ids[:target], reading.ids[target])
    assert view.logprob == pytest.approx(expected, abs=1e-5)
    assert view.curve[-1].num_ids == target
    assert view.curve[-1].logprob == pytest.approx(expected, abs=1e-5)
    shortest = plain_logprob(model, reading.ids[target - 1 : target], reading.ids[target])
    assert view.curve[0] == ContextPoint(1, pytest.approx(shortest, abs=1e-5))


def test_hiding_what_nobody_reads_changes_nothing() -> None:
    """A model without attention: of all that stands before, the last piece alone matters."""
    model = tiny_model(CHARACTERS)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "attn.c_proj" in name:
                parameter.zero_()
    view = matters(model, read_plain(TEXT, tokenizer=CHARACTERS), target=10)
    deltas = [delta for delta in view.deltas if delta is not None]
    assert len(deltas) == 10
    assert deltas[:-1] == pytest.approx([0.0] * 9, abs=1e-5)
    assert abs(deltas[-1]) > 1e-3
    assert [point.logprob for point in view.curve] == pytest.approx(
        [view.logprob] * len(view.curve), abs=1e-5
    )


def test_hiding_all_but_one_by_one_is_hiding_each(model: Transformer, tokenizer: Tokenizer) -> None:
    """What is hidden singly doesn't depend on which chunk it is hidden in."""
    reading = read_plain(TEXT * 2, tokenizer=tokenizer)
    target = min(len(reading) - 1, 30)
    whole = matters(model, reading, target=target)
    part = matters(model, reading, target=target, max_hidden=5)
    assert part.first_hidden == target - 5
    assert part.deltas[: target - 5] == [None] * (target - 5)
    singly = [delta for delta in whole.deltas if delta is not None]
    assert part.deltas[target - 5 :] == pytest.approx(singly[target - 5 :], abs=1e-5)
    assert part.delta_before is not None
    assert math.isfinite(part.delta_before)
    assert whole.delta_before is None


def test_hiding_all_before_the_last_is_reading_it_alone() -> None:
    """With rotary positions a model knows distances alone, so where the last stands is the same."""
    model = tiny_model(CHARACTERS)
    reading = read_plain(TEXT, tokenizer=CHARACTERS)
    view = matters(model, reading, target=9, max_hidden=1)
    alone = plain_logprob(model, reading.ids[8:9], reading.ids[9])
    assert view.delta_before == pytest.approx(view.logprob - alone, abs=1e-5)


def test_of_a_long_text_the_models_context_is_what_counts() -> None:
    model = tiny_model(CHARACTERS, seq_length=8)
    reading = read_plain(TEXT, tokenizer=CHARACTERS)
    view = matters(model, reading, target=14)
    assert (view.text.num_left_out, view.target, len(view.deltas)) == (6, 8, 8)
    expected = plain_logprob(model, reading.ids[6:14], reading.ids[14])
    assert view.logprob == pytest.approx(expected, abs=1e-5)
