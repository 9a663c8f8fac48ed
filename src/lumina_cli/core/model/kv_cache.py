"""Keys and values of the characters already read, so that none is read twice.

L layers, B batch, T time, C hidden size, H heads, D head size.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from lumina_cli.core.model.config import ModelConfig


class CacheViews(NamedTuple):
    """The cache as one pass of the model uses it, layer by layer; nothing is copied.

    Attributes:
        new: where the pass writes keys and values, (2, B, H, T, D) each.
        keys: of all positions, the new ones among them, (B, H, T_all, D) each.
        values: likewise.
    """

    new: tuple[Tensor, ...]
    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]


class KVCache:
    """Room for the keys and values of `seq_length` positions in every layer.

    Memory: 2 · L · B · seq_length · C numbers, allocated once. Of one head, positions lie
    side by side: heads side by side would put them 2^n bytes apart, into the same few lines of
    the processor's cache (attention took ten times as long).

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
        self._stored = torch.zeros(config.num_layers, 2, *shape, device=device, dtype=dtype)
        self.capacity = config.seq_length
        self.length = 0

    @property
    def layers(self) -> tuple[Tensor, ...]:
        """The whole room of each layer, (2, B, H, seq_length, D), where nothing moves."""
        return self._stored.unbind(0)

    def views(self, num_new: int) -> CacheViews:
        """Return views for a pass over `num_new` more positions.

        `length` moves on only when the model has run all its layers (`advance`).
        """
        end = self.length + num_new
        assert end <= self.capacity, (end, self.capacity)
        new = self._stored.narrow(-2, self.length, num_new)  # (L, 2, B, H, T, D)
        keys, values = self._stored.narrow(-2, 0, end).unbind(1)
        return CacheViews(new.unbind(0), keys.unbind(0), values.unbind(0))

    def advance(self, num_positions: int) -> None:
        """Count positions that every layer has stored."""
        self.length += num_positions

    def truncate(self, length: int) -> None:
        """Forget all but the first `length` positions (they are overwritten later)."""
        assert 0 <= length <= self.length, (length, self.length)
        self.length = length

    def take_over(self, other: "KVCache") -> None:
        """Hold in every row what the only row of another cache holds."""
        self._stored[..., : other.length, :] = other._stored[..., : other.length, :]
        self.length = other.length

    def select(self, rows: Tensor) -> None:
        """Let row i hold what row rows[i] held, rows (B,): beams that fork and die.

        With fewer rows than there are, the rest is given up.
        """
        chosen = self._stored[:, :, rows, :, : self.length]
        self._stored = self._stored[:, :, : len(rows)]
        self._stored[..., : self.length, :] = chosen
