"""Reading piece by piece gives what reading the whole text gives."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.kernels import decoder as module
from lumina_cli.core.model.kernels.decoder import Decoder, Hidden, hidden_of
from lumina_cli.core.model.kernels.fast import FAST
from lumina_cli.core.model.kernels.interface import REFERENCE
from lumina_cli.core.model.kv_cache import KVCache
from lumina_cli.core.model.transformer import Transformer, build_model, to_bf16

SINUSOIDAL = ModelConfig(hidden_size=32, num_layers=2, num_heads=4, seq_length=24, dropout=0.1)
ROTARY = SINUSOIDAL.model_copy(update={"position_encoding": "rotary"})
BOTH = pytest.mark.parametrize("config", [SINUSOIDAL, ROTARY], ids=["sinusoidal", "rotary"])
V = 40


def fresh(config: ModelConfig) -> Transformer:
    """A model whose every part matters: also norms and biases are random."""
    generator = torch.Generator().manual_seed(0)
    model = build_model(config, vocab_size=V, generator=generator)
    for parameter in model.parameters():
        if parameter.dim() == 1:
            torch.nn.init.normal_(parameter, mean=0.5, std=0.5, generator=generator)
    return model.eval()


def some_ids(num_rows: int, num_ids: int, *, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(V, (num_rows, num_ids), generator=generator)


def read(
    model: Transformer,
    hidden: Hidden,
    idx: Tensor,
    *,
    chunks: list[int],
    cache: KVCache,
    start: int = 0,
) -> Tensor:
    """The logits after each id, (B, T, V), read chunk by chunk behind what stands at `start`."""
    B, parts = len(idx), []
    with torch.inference_mode():
        for part in idx.split(chunks, dim=1):
            window = cache.window(slice(0, B), [start] * B, [part.size(1)] * B)
            parts.append(hidden(part, window))
            start += part.size(1)
        return model.lm_head(torch.cat(parts, dim=1)).float()


def whole(model: Transformer, idx: Tensor) -> Tensor:
    with torch.inference_mode():
        return model(idx)


def assert_same(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@BOTH
@given(
    chunks=st.lists(st.integers(1, 16), min_size=1, max_size=16).filter(lambda c: sum(c) <= 24),
    num_rows=st.integers(1, 3),
)
def test_pieces_equal_the_whole_however_a_text_is_divided(
    config: ModelConfig, chunks: list[int], num_rows: int
) -> None:
    model, idx = fresh(config), some_ids(num_rows, sum(chunks))
    cache = KVCache(config, num_slots=num_rows)
    logits = read(model, Decoder(model).hidden, idx, chunks=chunks, cache=cache)
    assert_same(logits, whole(model, idx))


@BOTH
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 23), st.integers(1, 24)).filter(lambda row: sum(row) <= 24),
        min_size=1,
        max_size=4,
    ),
    is_fast=st.booleans(),
)
def test_rows_of_any_lengths_in_one_pass_equal_each_alone(
    config: ModelConfig, rows: list[tuple[int, int]], is_fast: bool
) -> None:
    model, cache = fresh(config), KVCache(config, num_slots=len(rows))
    model.kernels = FAST if is_fast else REFERENCE
    hidden, idx = hidden_of(model), some_ids(len(rows), 24)
    starts, counts = [start for start, _ in rows], [count for _, count in rows]
    read(model, hidden, idx[:, :23], chunks=[23], cache=cache)  # and much that is to be forgotten
    T = max(counts)
    where = [[min(start + step, start + count - 1) for step in range(T)] for start, count in rows]
    with torch.inference_mode():
        window = cache.window(slice(0, len(rows)), starts, counts)
        logits = model.lm_head(hidden(idx.gather(1, torch.tensor(where)), window))
    expected = whole(model, idx)
    for row, (start, count) in enumerate(rows):
        assert_same(logits[row, :count], expected[row, start : start + count])
        assert_same(logits[row, -1], expected[row, start + count - 1])


@BOTH
def test_wide_passes_equal_the_whole(config: ModelConfig) -> None:
    model, idx = fresh(config), some_ids(1, 24)
    logits = read(model, Decoder(model).hidden, idx, chunks=[8, 3, 8, 3, 2], cache=KVCache(config))
    assert_same(logits, whole(model, idx))


@BOTH
@pytest.mark.parametrize("num_parts", [1, 3, 8])
def test_one_row_in_parts_equals_the_whole_and_reads_weights_as_they_are(
    config: ModelConfig, num_parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEAST_WEIGHTS", 0)
    monkeypatch.setattr(module, "NUM_PARTS", num_parts)
    model, idx = fresh(config), some_ids(1, 24)
    hidden = Decoder(model).hidden
    for factor in (1.0, 1.1):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(factor)
        logits = read(model, hidden, idx, chunks=[1] * 24, cache=KVCache(config))
        assert_same(logits, whole(model, idx))


def test_of_a_large_matrix_and_one_row_parts_are_multiplied_without_a_copy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, cache = fresh(SINUSOIDAL), KVCache(SINUSOIDAL)
    seen = []
    multiply = torch.baddbmm
    monkeypatch.setattr(module, "LEAST_WEIGHTS", 4 * 32 * 32)
    monkeypatch.setattr(
        torch, "baddbmm", lambda b, x, weight: seen.append(weight) or multiply(b, x, weight)
    )
    read(model, Decoder(model).hidden, some_ids(1, 3), chunks=[2, 1], cache=cache)
    mlps = [block.mlp for block in model.h]
    where = [part.weight.data_ptr() for mlp in mlps for part in (mlp.c_fc, mlp.c_proj)]
    assert [weight.data_ptr() for weight in seen] == where


@BOTH
def test_weights_that_change_are_read_as_they_are(config: ModelConfig) -> None:
    model, idx = fresh(config), some_ids(1, 6)
    hidden = hidden_of(model)
    read(model, hidden, idx, chunks=[2, 1, 3], cache=KVCache(config))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.1)
    logits = read(model, hidden, idx, chunks=[2, 1, 3], cache=KVCache(config))
    assert_same(logits, whole(model, idx))


@BOTH
def test_behind_where_a_row_was_cut_all_is_read_as_if_nothing_had_followed(
    config: ModelConfig,
) -> None:
    model, cache = fresh(config), KVCache(config)
    hidden = Decoder(model).hidden
    idx, wrong_turn = some_ids(1, 12), some_ids(1, 6, seed=9)
    read(model, hidden, idx[:, :8], chunks=[8], cache=cache)
    read(model, hidden, wrong_turn, chunks=[6], cache=cache, start=8)
    continued = read(model, hidden, idx[:, 8:], chunks=[1, 3], cache=cache, start=8)
    assert_same(continued, whole(model, idx)[:, 8:])


@BOTH
def test_bf16_is_read_to_its_rounding(config: ModelConfig) -> None:
    idx, cache = some_ids(1, 24), KVCache(config, dtype=torch.bfloat16)
    expected = whole(fresh(config), idx)
    rounded = to_bf16(fresh(config))
    found = read(rounded, Decoder(rounded).hidden, idx, chunks=[8, 1, 8, 1, 6], cache=cache)
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.05 * expected.std().item())


@BOTH
def test_bf16_rows_of_any_lengths_are_read_to_their_rounding(config: ModelConfig) -> None:
    idx, cache = some_ids(2, 24), KVCache(config, num_slots=2, dtype=torch.bfloat16)
    expected = whole(fresh(config), idx)
    rounded = to_bf16(fresh(config))
    hidden = Decoder(rounded).hidden
    read(rounded, hidden, idx[:, :20], chunks=[20], cache=cache)
    with torch.inference_mode():
        window = cache.window(slice(0, 2), [5, 19], [1, 1])
        new = torch.stack([idx[0, 5:6], idx[1, 19:20]])
        found = rounded.lm_head(hidden(new, window))[:, -1].float()
    of_rows = torch.stack([expected[0, 5], expected[1, 19]])
    atol = 0.05 * expected.std().item()
    torch.testing.assert_close(found, of_rows, rtol=0.05, atol=atol)
