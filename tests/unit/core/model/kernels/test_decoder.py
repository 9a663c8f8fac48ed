"""Reading piece by piece gives what reading the whole text gives."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.kernels import decoder as decoder_module
from lumina_cli.core.model.kernels import linear as linear_module
from lumina_cli.core.model.kernels.decoder import MOST_ROWS, Decoder, Hidden, hidden_of
from lumina_cli.core.model.kernels.fast import FAST
from lumina_cli.core.model.kernels.int8 import quantize
from lumina_cli.core.model.kernels.interface import REFERENCE
from lumina_cli.core.model.kernels.linear import Linear, packed, plain
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


@pytest.fixture
def _any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small matrices are cut in parts and packed, too."""
    monkeypatch.setattr(linear_module, "LEAST_WEIGHTS", 1)


@BOTH
@pytest.mark.usefixtures("_any_size")
def test_maps_in_parts_and_packed_ones_equal_the_whole(config: ModelConfig) -> None:
    model, idx, cache = fresh(config), some_ids(3, 24), KVCache(config, num_slots=3)
    decoder = Decoder(model)
    logits = read(model, decoder.hidden, idx, chunks=[8, 1, 7, 1, 1, 6], cache=cache)
    assert_same(logits, whole(model, idx))
    alone = read(model, decoder.hidden, idx[:1], chunks=[1] * 24, cache=KVCache(config))
    assert_same(alone, whole(model, idx[:1]))


def watched_maps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows by the kind of a map whenever one is used."""
    taken: list[str] = []

    def watched(kind: str) -> Callable[[nn.Module], Linear]:
        def map_of(linear: nn.Module) -> Linear:
            linear_map = plain(linear)
            return lambda x: taken.append(kind) or linear_map(x)

        return map_of

    monkeypatch.setattr(decoder_module, "of_one_row", watched("one"))
    monkeypatch.setattr(decoder_module, "of_few_rows", watched("few"))
    return taken


def test_passes_over_one_row_and_over_a_few_take_their_own_maps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken = watched_maps(monkeypatch)
    model, cache = fresh(ROTARY), KVCache(ROTARY)
    read(model, Decoder(model).hidden, some_ids(1, 12), chunks=[3, 8, 1], cache=cache)
    num_maps = 4 * ROTARY.num_layers
    assert taken == ["few"] * 2 * num_maps + ["one"] * num_maps


def test_passes_over_many_rows_take_plain_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = watched_maps(monkeypatch)
    model, idx, cache = fresh(ROTARY), some_ids(3, 24), KVCache(ROTARY, num_slots=3)
    logits = read(model, Decoder(model).hidden, idx, chunks=[24], cache=cache)
    assert idx.numel() > MOST_ROWS
    assert taken == []
    assert_same(logits, whole(model, idx))


def counted_packing(monkeypatch: pytest.MonkeyPatch) -> list[nn.Linear]:
    """Return a list that grows by each layer that is packed."""
    done: list[nn.Linear] = []
    monkeypatch.setattr(linear_module, "LEAST_WEIGHTS", 1)
    monkeypatch.setattr(linear_module, "_can_pack", lambda: True)
    monkeypatch.setattr(
        linear_module, "packed", lambda linear: done.append(linear) or packed(linear)
    )
    return done


def test_nothing_is_packed_before_it_is_needed_nor_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    done = counted_packing(monkeypatch)
    model, cache = fresh(ROTARY), KVCache(ROTARY)
    decoder = Decoder(model)
    read(model, decoder.hidden, some_ids(1, 2), chunks=[1, 1], cache=cache)
    assert done == []
    read(model, decoder.hidden, some_ids(1, 6), chunks=[2, 1, 2, 1], cache=KVCache(ROTARY))
    assert len(done) == len(set(done)) == 4 * ROTARY.num_layers


def test_weights_that_change_are_never_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    done = counted_packing(monkeypatch)
    model, idx = fresh(ROTARY), some_ids(1, 6)
    hidden = hidden_of(model, packs=False)
    read(model, hidden, idx, chunks=[2, 1, 3], cache=KVCache(ROTARY))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.1)
    logits = read(model, hidden, idx, chunks=[2, 1, 3], cache=KVCache(ROTARY))
    assert_same(logits, whole(model, idx))
    assert done == []


@pytest.mark.parametrize(
    "error",
    [RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), MemoryError()],
)
@pytest.mark.parametrize("num_packed", [0, 5])
@pytest.mark.usefixtures("_any_size")
def test_where_memory_is_too_short_to_pack_plain_maps_read(
    error: Exception, num_packed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = iter(range(num_packed))

    def pack(linear: nn.Linear) -> Linear:
        if next(left, None) is None:
            raise error
        return packed(linear)

    monkeypatch.setattr(linear_module, "_can_pack", lambda: True)
    monkeypatch.setattr(linear_module, "packed", pack)
    model, idx = fresh(ROTARY), some_ids(1, 4)
    decoder = Decoder(model)
    logits = read(model, decoder.hidden, idx, chunks=[3, 1], cache=KVCache(ROTARY))
    assert_same(logits, whole(model, idx))
    assert decoder._few_rows is decoder._plain


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


def test_rounded_weights_are_read_as_the_rounded_model_reads_them() -> None:
    model, idx = fresh(ROTARY), some_ids(2, 9)
    quantize(model)
    cache = KVCache(ROTARY, num_slots=2)
    logits = read(model, Decoder(model).hidden, idx, chunks=[4, 1, 4], cache=cache)
    # Attention differs in the last bits, which now and then rounds a number the other way.
    torch.testing.assert_close(logits, whole(model, idx), rtol=0.05, atol=0.05)


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
