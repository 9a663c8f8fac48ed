"""The cache of keys and values, slot by slot."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.kv_cache import CacheWindow, KVCache

CONFIG = ModelConfig(hidden_size=8, num_layers=2, num_heads=2, seq_length=8)


def numbers(start: int, num_positions: int, *, num_rows: int = 1) -> Tensor:
    """Keys that differ everywhere, (B, H, T, D)."""
    shape = (num_rows, CONFIG.num_heads, num_positions, CONFIG.head_size)
    return start + torch.arange(float(torch.Size(shape).numel())).view(shape)


def even(cache: KVCache, num_rows: int, start: int, num_new: int) -> CacheWindow:
    return cache.window(slice(0, num_rows), [start] * num_rows, [num_new] * num_rows)


def extend(
    cache: KVCache, layer: int, keys: Tensor, values: Tensor | None = None, *, start: int = 0
) -> tuple[Tensor, Tensor]:
    """Write positions into one layer and return all of them."""
    window = even(cache, len(keys), start, keys.size(2))
    return window.layer(layer).update(keys, keys if values is None else values)


def test_new_positions_stand_behind_the_old_ones() -> None:
    cache = KVCache(CONFIG)
    first, second = numbers(0, 3), numbers(100, 2)
    extend(cache, 0, first, -first)
    keys, values = extend(cache, 0, second, -second, start=3)
    assert torch.equal(keys, torch.cat([first, second], dim=2))
    assert torch.equal(values, -keys)


def test_layers_share_nothing() -> None:
    cache = KVCache(CONFIG)
    extend(cache, 0, numbers(0, 2))
    keys, _ = extend(cache, 1, numbers(50, 2))
    assert torch.equal(keys, numbers(50, 2))
    assert torch.equal(even(cache, 1, 2, 1)._keys[0][:, :, :2], numbers(0, 2))


@pytest.mark.parametrize(("starts", "counts"), [([7], [2]), ([7, 1], [2, 1]), ([1, 8], [3, 1])])
def test_more_than_it_has_room_for_is_a_mistake(starts: list[int], counts: list[int]) -> None:
    cache = KVCache(CONFIG, num_slots=len(starts))
    with pytest.raises(AssertionError):
        cache.window(slice(0, len(starts)), starts, counts)


def test_what_is_read_again_is_overwritten() -> None:
    cache = KVCache(CONFIG)
    extend(cache, 0, numbers(0, 4))
    keys, _ = extend(cache, 0, numbers(100, 1), start=1)
    assert torch.equal(keys, torch.cat([numbers(0, 4)[:, :, :1], numbers(100, 1)], dim=2))


def test_a_pass_over_some_slots_leaves_the_others_as_they_are() -> None:
    cache = KVCache(CONFIG, num_slots=4)
    before = numbers(0, 3, num_rows=4)
    extend(cache, 0, before)
    window = cache.window(slice(1, 3), [3, 3], [1, 1])
    new = numbers(500, 1, num_rows=2)
    keys, values = window.update(0, torch.stack([new, -new]))
    assert torch.equal(keys, torch.cat([before[1:3], new], dim=2))
    assert torch.equal(values[:, :, 3:], -new)
    kept = even(cache, 4, 3, 1)._keys[0]
    assert torch.equal(kept[:, :, :3], before)
    assert torch.equal(kept[[0, 3], :, 3:], torch.zeros_like(new))


rows = st.tuples(st.integers(0, 7), st.integers(1, 8)).filter(lambda row: sum(row) <= 8)


@given(st.lists(rows, min_size=1, max_size=4))
def test_rows_of_any_lengths_look_at_what_stands_before_each_of_their_ids(
    read: list[tuple[int, int]],
) -> None:
    """By definition, number by number; a shorter row reads its last id again."""
    B, T = len(read), max(count for _, count in read)
    cache = KVCache(CONFIG, num_slots=B)
    old = numbers(1, 8, num_rows=B)
    extend(cache, 1, old)
    new = numbers(1_000, T, num_rows=B)
    for row, (_, count) in enumerate(read):
        new[row, :, count:] = new[row, :, count - 1 : count]
    window = cache.window(slice(0, B), [start for start, _ in read], [count for _, count in read])
    keys, values = window.layer(1).update(new, -new)
    length = max(map(sum, read))
    assert keys.shape == values.shape == (B, 2, length, 4)
    for row, (start, count) in enumerate(read):
        expected = old[row].clone()
        expected[:, start : start + count] = new[row, :, :count]
        end = start + count
        assert torch.equal(keys[row, :, :end], expected[:, :end])
        assert torch.equal(values[row, :, start:end], -expected[:, start:end])
        for step in range(T):
            position = start + min(step, count - 1)
            assert seen(window, row, step, T, length) == list(range(position + 1))


def seen(window: CacheWindow, row: int, step: int, T: int, length: int) -> list[int]:
    """Return the positions that a row's id may look at."""
    if window.is_causal:
        return list(range(step + 1))
    if window.mask is None:
        return list(range(length))
    mask = window.mask[row, 0] if window.mask.dim() == 4 else window.mask
    assert mask.shape == (T, length)
    allowed = mask if mask.dtype == torch.bool else mask == 0
    return allowed[step].nonzero().flatten().tolist()


def test_a_ragged_window_without_a_length_looks_over_the_whole_room() -> None:
    cache = KVCache(CONFIG, num_slots=2)
    window = cache.ragged_window(slice(0, 2), torch.tensor([[0], [7]]))
    assert window.mask is not None
    assert window.mask.shape == (2, 1, 1, 8)
    assert [seen(window, row, 0, 1, 8) for row in range(2)] == [[0], list(range(8))]


@pytest.mark.parametrize("sources", [[2, 2, 0], [2, 0], [1]])
def test_rows_can_fork_and_die(sources: list[int]) -> None:
    cache = KVCache(CONFIG, num_slots=3)
    before = numbers(0, 2, num_rows=3)
    extend(cache, 0, before)
    cache.reorder(sources, length=2)
    keys, _ = extend(cache, 0, numbers(0, 1, num_rows=len(sources)), start=2)
    assert torch.equal(keys[:, :, :2], before[sources])
    rest = even(cache, 3, 2, 1)._keys[0][len(sources) :, :, :2]
    assert torch.equal(rest, before[len(sources) :])


def test_a_slot_is_copied_as_far_as_told() -> None:
    cache = KVCache(CONFIG, num_slots=3)
    before = numbers(0, 4, num_rows=3)
    extend(cache, 1, before)
    cache.copy(2, 0, length=3)
    kept = even(cache, 3, 4, 1)._keys[1][:, :, :4]
    assert torch.equal(kept[1:], before[1:])
    assert torch.equal(kept[0], torch.cat([before[2, :, :3], before[0, :, 3:]], dim=1))


def test_a_cache_that_grows_keeps_what_it_holds() -> None:
    cache = KVCache(CONFIG, num_slots=2)
    before = numbers(0, 4, num_rows=2)
    extend(cache, 0, before)
    cache.grow(5)
    assert cache.num_slots == 5
    kept = even(cache, 5, 4, 1)._keys[0][:, :, :4]
    assert torch.equal(kept[:2], before)
    assert not kept[2:].any()
