"""The best guess after each layer; the last one is the model's own."""

import pytest
import torch

from lumina_cli.core.model.transformer import Transformer
from lumina_cli.look.layers import layers
from lumina_cli.look.reading import read_plain
from lumina_cli.tokenizer.base import Tokenizer
from tests.unit.look.conftest import CHARACTERS, tiny_model


def test_the_last_layer_is_what_the_model_predicts(
    model: Transformer, tokenizer: Tokenizer
) -> None:
    reading = read_plain("abc de.", tokenizer=tokenizer)
    view = layers(model, reading)
    with torch.inference_mode():
        probs = model(torch.tensor([reading.ids]))[0].softmax(dim=-1)
    top = probs.topk(5)
    assert len(view.top_ids) == model.config.num_layers + 1
    assert view.top_ids[-1] == top.indices.tolist()
    for shown, expected in zip(view.top_probs[-1], top.values.tolist(), strict=True):
        assert shown == pytest.approx(expected, abs=1e-6)
    actual = [float(probs[t, reading.ids[t + 1]]) for t in range(len(reading) - 1)]
    assert view.actual_probs[-1][:-1] == pytest.approx(actual, abs=1e-6)
    assert view.actual_probs[-1][-1] is None
    assert view.labels[view.top_ids[0][0][0]] == tokenizer.describe(view.top_ids[0][0][0])


def test_the_first_row_is_the_embedding_read_by_the_head() -> None:
    model = tiny_model(CHARACTERS)
    reading = read_plain("ab", tokenizer=CHARACTERS)
    with torch.inference_mode():
        x = model.wte(torch.tensor(reading.ids)) * 32**0.5
        probs = model.lm_head(model.ln_f(x)).softmax(dim=-1)
    assert layers(model, reading).top_ids[0] == probs.topk(5).indices.tolist()
