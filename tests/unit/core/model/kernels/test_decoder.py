"""Reading piece by piece gives what reading the whole text gives."""

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from lumina_cli.core.inference.cuda_graphs import FixedPass
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.kernels import decoder as decoder_module
from lumina_cli.core.model.kernels.decoder import WIDE, Decoder
from lumina_cli.core.model.kernels.int8 import quantize
from lumina_cli.core.model.kernels.linear import Linear, plain
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


def some_ids(batch_size: int, num_ids: int, *, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(V, (batch_size, num_ids), generator=generator)


def read(decoder: Decoder, idx: Tensor, *, chunks: list[int], cache: KVCache) -> Tensor:
    with torch.inference_mode():
        parts = [decoder.hidden(part, cache=cache) for part in idx.split(chunks, dim=1)]
        return decoder.logits(torch.cat(parts, dim=1))


def whole(model: Transformer, idx: Tensor) -> Tensor:
    with torch.inference_mode():
        return model(idx)


@BOTH
@given(
    chunks=st.lists(st.integers(1, 16), min_size=1, max_size=16).filter(lambda c: sum(c) <= 24),
    batch_size=st.integers(1, 3),
)
def test_pieces_equal_the_whole_however_a_text_is_divided(
    config: ModelConfig, chunks: list[int], batch_size: int
) -> None:
    model = fresh(config)
    idx = some_ids(batch_size, sum(chunks))
    cache = KVCache(config, batch_size=batch_size)
    logits = read(Decoder(model), idx, chunks=chunks, cache=cache)
    torch.testing.assert_close(logits, whole(model, idx), rtol=1e-4, atol=1e-4)
    assert cache.length == sum(chunks)


@BOTH
def test_wide_passes_equal_the_whole(config: ModelConfig) -> None:
    model, idx = fresh(config), some_ids(1, 3 * WIDE)
    chunks = [WIDE, 3, WIDE, 3, 2]
    logits = read(Decoder(model, rows=(1, WIDE)), idx, chunks=chunks, cache=KVCache(config))
    torch.testing.assert_close(logits, whole(model, idx), rtol=1e-4, atol=1e-4)


def test_passes_over_a_prepared_number_of_rows_take_what_was_prepared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[int] = []

    def fastest(linears: Sequence[nn.Module], *, rows: Sequence[int]) -> dict[int, list[Linear]]:
        def watched(linear_map: Linear, num_rows: int) -> Linear:
            return lambda x: taken.append(num_rows) or linear_map(x)

        return {n: [watched(plain(linear), n) for linear in linears] for n in rows}

    monkeypatch.setattr(decoder_module, "fastest", fastest)
    decoder, cache = Decoder(fresh(ROTARY), rows=(1, WIDE)), KVCache(ROTARY)
    read(decoder, some_ids(1, 3 + WIDE + 1), chunks=[3, WIDE, 1], cache=cache)
    num_maps = 4 * ROTARY.num_layers
    assert taken == [WIDE] * num_maps + [1] * num_maps


def test_where_memory_is_too_short_for_what_is_prepared_plain_products_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fastest(*_: object, **__: object) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(decoder_module, "fastest", fastest)
    model, idx = fresh(ROTARY), some_ids(1, 4)
    logits = read(Decoder(model, rows=(1,)), idx, chunks=[3, 1], cache=KVCache(ROTARY))
    torch.testing.assert_close(logits, whole(model, idx), rtol=1e-4, atol=1e-4)


@BOTH
def test_a_truncated_cache_reads_on_as_if_nothing_had_followed(config: ModelConfig) -> None:
    model, decoder, cache = fresh(config), Decoder(fresh(config)), KVCache(config)
    idx, wrong_turn = some_ids(1, 12), some_ids(1, 6, seed=9)
    read(decoder, idx[:, :8], chunks=[8], cache=cache)
    read(decoder, wrong_turn, chunks=[6], cache=cache)
    cache.truncate(8)
    continued = read(decoder, idx[:, 8:], chunks=[1, 3], cache=cache)
    torch.testing.assert_close(continued, whole(model, idx)[:, 8:], rtol=1e-4, atol=1e-4)


def test_rounded_weights_are_read_as_the_rounded_model_reads_them() -> None:
    model, idx = fresh(ROTARY), some_ids(2, 9)
    quantize(model)
    cache = KVCache(ROTARY, batch_size=2)
    logits = read(Decoder(model, rows=(1, WIDE)), idx, chunks=[4, 1, 4], cache=cache)
    # Attention differs in the last bits, which now and then rounds a number the other way.
    torch.testing.assert_close(logits, whole(model, idx), rtol=0.05, atol=0.05)


@BOTH
@pytest.mark.parametrize(("batch_size", "num_new"), [(1, 1), (3, 1), (1, WIDE)])
def test_a_pass_that_could_be_recorded_reads_what_any_other_does(
    config: ModelConfig, batch_size: int, num_new: int
) -> None:
    model = fresh(config)
    idx = some_ids(batch_size, 24)
    plain, fixed = (KVCache(config, batch_size=batch_size) for _ in range(2))
    decoder = Decoder(model)
    with torch.inference_mode():
        for cache in (plain, fixed):
            decoder.hidden(idx[:, :8], cache=cache)
        one_pass = FixedPass(decoder, fixed, idx[:, 8 : 8 + num_new])
        for new in idx[:, 8:].split(num_new, dim=1):
            expected = decoder.logits(decoder.hidden(new, cache=plain))
            torch.testing.assert_close(one_pass(new), expected, rtol=1e-4, atol=1e-4)
    assert fixed.length == plain.length == 24
    for found, kept in zip(fixed.layers, plain.layers, strict=True):
        torch.testing.assert_close(found, kept, rtol=1e-4, atol=1e-4)


def test_a_recorded_pass_goes_on_from_where_the_cache_was_cut() -> None:
    model, idx = fresh(ROTARY), some_ids(1, 24)
    decoder, cache = Decoder(model), KVCache(ROTARY)
    with torch.inference_mode():
        decoder.hidden(idx[:, :20], cache=cache)
        one_pass = FixedPass(decoder, cache, idx[:, 20:21])
        cache.truncate(9)
        logits = one_pass(idx[:, 9:10])
    torch.testing.assert_close(logits[:, 0], whole(model, idx[:, :10])[:, -1], rtol=1e-4, atol=1e-4)


@BOTH
def test_bf16_is_read_to_its_rounding(config: ModelConfig) -> None:
    idx, cache = some_ids(1, 24), KVCache(config, dtype=torch.bfloat16)
    expected = whole(fresh(config), idx)
    rounded = Decoder(to_bf16(fresh(config)))
    found = read(rounded, idx, chunks=[8, 1, 8, 1, 6], cache=cache)
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.05 * expected.std().item())
