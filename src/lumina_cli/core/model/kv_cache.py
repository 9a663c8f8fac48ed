"""Keys and values of the characters already read, so that none is read twice.

B batch, T time, H heads, D head size.
"""

import torch
from torch import Tensor

from lumina_cli.core.model.config import ModelConfig


class KVCache:
    """Room for the keys and values of `seq_length` positions in every layer.

    Memory: 2 · num_layers · B · seq_length · hidden_size numbers, allocated once.

    Args:
        config: shape of the model.
        batch_size: B, texts that are read side by side.
        device: where the model lives.
        dtype: of the keys and values.
    """

    def __init__(
        self,
        config: ModelConfig,
        *,
        batch_size: int = 1,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        shape = (batch_size, config.num_heads, config.seq_length, config.head_size)
        self._keys = [torch.zeros(shape, device=device, dtype=dtype) for _ in _layers(config)]
        self._values = [torch.zeros(shape, device=device, dtype=dtype) for _ in _layers(config)]
        self.capacity = config.seq_length
        self.length = 0

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store the new positions of one layer and return all of them, (B, H, T_all, D).

        `length` moves on only when the model has run all its layers (`advance`).
        """
        end = self.length + keys.size(2)
        assert end <= self.capacity, (end, self.capacity)
        self._keys[layer][:, :, self.length : end] = keys
        self._values[layer][:, :, self.length : end] = values
        return self._keys[layer][:, :, :end], self._values[layer][:, :, :end]

    def advance(self, num_positions: int) -> None:
        """Count positions that every layer has stored."""
        self.length += num_positions

    def truncate(self, length: int) -> None:
        """Forget all but the first `length` positions (they are overwritten later)."""
        assert 0 <= length <= self.length, (length, self.length)
        self.length = length

    def select(self, rows: Tensor) -> None:
        """Let row i hold what row rows[i] held, rows (B,): beams that fork and die."""
        for stored in (*self._keys, *self._values):
            stored[:, :, : self.length] = stored[rows, :, : self.length]


def _layers(config: ModelConfig) -> range:
    return range(config.num_layers)
