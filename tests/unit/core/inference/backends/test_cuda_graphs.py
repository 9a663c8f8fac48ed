"""A pass by the same operations on the same memory reads what any other does."""

import pytest
import torch
from torch import Tensor

from lumina_cli.core.inference.backends.cuda_graphs import CUDAGraphRunner, StaticPass, can_record
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.kernels.decoder import hidden_of
from lumina_cli.core.model.kernels.fast import KERNELS
from lumina_cli.core.model.kv_cache import KVCache
from lumina_cli.core.model.transformer import Transformer, build_model

SINUSOIDAL = ModelConfig(hidden_size=32, num_layers=2, num_heads=4, seq_length=24)
ROTARY = SINUSOIDAL.model_copy(update={"positions": "rotary"})
BOTH = pytest.mark.parametrize("config", [SINUSOIDAL, ROTARY], ids=["sinusoidal", "rotary"])
V = 40


def fresh(config: ModelConfig, kernels: str = "fast") -> Transformer:
    generator = torch.Generator().manual_seed(0)
    model = build_model(config, vocab_size=V, generator=generator).eval()
    model.kernels = KERNELS[kernels]
    return model


def some_ids(num_rows: int, num_ids: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(V, (num_rows, num_ids), generator=generator)


def assert_same(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@BOTH
@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize(("num_rows", "num_new"), [(1, 1), (3, 1), (1, 8), (2, 4)])
@torch.inference_mode()
def test_a_pass_that_could_be_recorded_reads_what_any_other_does(
    config: ModelConfig, num_rows: int, num_new: int, kernels: str
) -> None:
    hidden, idx = hidden_of(fresh(config, kernels)), some_ids(num_rows, 24)
    plain, static = (KVCache(config, num_slots=num_rows) for _ in range(2))
    slots, starts = slice(0, num_rows), [8] * num_rows
    for cache in (plain, static):
        hidden(idx[:, :8], cache.window(slots, [0] * num_rows, [8] * num_rows))
    one_pass = StaticPass(hidden, static, slots, idx[:, 8 : 8 + num_new], starts)
    for new in idx[:, 8:].split(num_new, dim=1):
        expected = hidden(new, plain.window(slots, starts, [num_new] * num_rows))
        assert_same(one_pass(new, starts), expected)
        starts = [start + num_new for start in starts]
    assert_same(static.stored, plain.stored)


@BOTH
@torch.inference_mode()
def test_it_reads_rows_of_any_lengths_and_only_in_its_slots(config: ModelConfig) -> None:
    model, idx = fresh(config), some_ids(4, 24)
    hidden, cache = hidden_of(model), KVCache(config, num_slots=4)
    lengths = [9, 23, 1, 12]
    for slot, length in enumerate(lengths):
        hidden(idx[slot : slot + 1, :length], cache.window(slice(slot, slot + 1), [0], [length]))
    one_pass = StaticPass(hidden, cache, slice(1, 3), idx[1:3, :1], lengths[1:3])
    before = cache.stored[:, :, [0, 3]].clone()
    new = torch.stack([idx[1, 23:24], idx[2, 1:2]])
    found = model.lm_head(one_pass(new, [23, 1]))[:, -1]
    assert_same(found, torch.cat([model(idx[1:2])[:, -1], model(idx[2:3, :2])[:, -1]]))
    assert torch.equal(cache.stored[:, :, [0, 3]], before)


@torch.inference_mode()
def test_it_goes_on_from_where_a_row_was_cut() -> None:
    model, idx = fresh(ROTARY), some_ids(1, 24)
    hidden, cache = hidden_of(model), KVCache(ROTARY)
    hidden(idx[:, :20], cache.window(slice(0, 1), [0], [20]))
    one_pass = StaticPass(hidden, cache, slice(0, 1), idx[:, 20:21], [20])
    logits = model.lm_head(one_pass(idx[:, 9:10], [9]))
    assert_same(logits[:, 0], model(idx[:, :10])[:, -1])


def test_on_a_cpu_nothing_is_recorded() -> None:
    assert not can_record(torch.device("cpu"))
    cache = KVCache(ROTARY)
    runner = CUDAGraphRunner(hidden_of(fresh(ROTARY)), cache)
    assert all(runner.run(slice(0, 1), some_ids(1, 1), [0]) is None for _ in range(20))
