"""The cache of keys and values."""

import pytest
import torch
from torch import Tensor

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.kv_cache import KVCache

CONFIG = ModelConfig(hidden_size=8, num_layers=2, num_heads=2, seq_length=8)


def numbers(start: int, num_positions: int, *, batch_size: int = 1) -> Tensor:
    """Keys that differ everywhere, (B, H, T, D)."""
    shape = (batch_size, CONFIG.num_heads, num_positions, CONFIG.head_size)
    return start + torch.arange(float(torch.Size(shape).numel())).view(shape)


def extend(
    cache: KVCache, layer: int, keys: Tensor, values: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Write positions into one layer and return all of them."""
    views = cache.views(keys.size(2))
    views.new[layer].copy_(torch.stack([keys, keys if values is None else values]))
    return views.keys[layer], views.values[layer]


def test_new_positions_stand_behind_the_old_ones() -> None:
    cache = KVCache(CONFIG)
    first, second = numbers(0, 3), numbers(100, 2)
    extend(cache, 0, first, -first)
    cache.advance(3)
    keys, values = extend(cache, 0, second, -second)
    assert torch.equal(keys, torch.cat([first, second], dim=2))
    assert torch.equal(values, -keys)


def test_layers_share_nothing() -> None:
    cache = KVCache(CONFIG)
    extend(cache, 0, numbers(0, 2))
    keys, _ = extend(cache, 1, numbers(50, 2))
    assert torch.equal(keys, numbers(50, 2))
    assert torch.equal(cache.views(2).keys[0], numbers(0, 2))


def test_more_than_it_has_room_for_is_a_mistake() -> None:
    cache = KVCache(CONFIG)
    cache.advance(7)
    with pytest.raises(AssertionError):
        cache.views(2)


def test_what_is_truncated_is_overwritten() -> None:
    cache = KVCache(CONFIG)
    extend(cache, 0, numbers(0, 4))
    cache.advance(4)
    cache.truncate(1)
    keys, _ = extend(cache, 0, numbers(100, 1))
    assert torch.equal(keys, torch.cat([numbers(0, 4)[:, :, :1], numbers(100, 1)], dim=2))


def test_a_cache_can_not_be_truncated_to_more_than_it_holds() -> None:
    with pytest.raises(AssertionError):
        KVCache(CONFIG).truncate(1)


@pytest.mark.parametrize("rows", [[2, 2, 0], [2, 0], [1]])
def test_rows_can_fork_and_die(rows: list[int]) -> None:
    cache = KVCache(CONFIG, batch_size=3)
    before = numbers(0, 2, batch_size=3)
    extend(cache, 0, before)
    cache.advance(2)
    cache.select(torch.tensor(rows))
    keys, _ = extend(cache, 0, numbers(0, 1, batch_size=len(rows)))
    assert torch.equal(keys[:, :, :2], before[rows])
