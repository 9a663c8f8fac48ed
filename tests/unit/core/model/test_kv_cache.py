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


def test_new_positions_stand_behind_the_old_ones() -> None:
    cache = KVCache(CONFIG)
    first, second = numbers(0, 3), numbers(100, 2)
    cache.extend(0, first, -first)
    cache.advance(3)
    keys, values = cache.extend(0, second, -second)
    assert torch.equal(keys, torch.cat([first, second], dim=2))
    assert torch.equal(values, -keys)


def test_layers_share_nothing() -> None:
    cache = KVCache(CONFIG)
    cache.extend(0, numbers(0, 2), numbers(0, 2))
    keys, _ = cache.extend(1, numbers(50, 2), numbers(50, 2))
    assert torch.equal(keys, numbers(50, 2))


def test_more_than_it_has_room_for_is_a_mistake() -> None:
    cache = KVCache(CONFIG)
    cache.advance(7)
    with pytest.raises(AssertionError):
        cache.extend(0, numbers(0, 2), numbers(0, 2))


def test_what_is_truncated_is_overwritten() -> None:
    cache = KVCache(CONFIG)
    cache.extend(0, numbers(0, 4), numbers(0, 4))
    cache.advance(4)
    cache.truncate(1)
    keys, _ = cache.extend(0, numbers(100, 1), numbers(100, 1))
    assert torch.equal(keys, torch.cat([numbers(0, 4)[:, :, :1], numbers(100, 1)], dim=2))


def test_a_cache_can_not_be_truncated_to_more_than_it_holds() -> None:
    with pytest.raises(AssertionError):
        KVCache(CONFIG).truncate(1)


def test_rows_can_fork_and_die() -> None:
    cache = KVCache(CONFIG, batch_size=3)
    before = numbers(0, 2, batch_size=3)
    cache.extend(0, before, before)
    cache.advance(2)
    cache.select(torch.tensor([2, 2, 0]))
    keys, _ = cache.extend(0, numbers(0, 1, batch_size=3), numbers(0, 1, batch_size=3))
    assert torch.equal(keys[:, :, :2], before[[2, 2, 0]])
