"""Keys and values of the ids already read, so that none is read twice.

L layers, S slots, B slots in a pass, T time, C hidden size, H heads, D head size.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lumina_cli.core.model.config import ModelConfig


class LayerCache(NamedTuple):
    """One layer's keys and values in one pass of the model."""

    window: "CacheWindow"
    layer: int

    def update(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Store new keys and values, (B, H, T, D) each; return those of all positions."""
        return self.window.update(self.layer, torch.stack([k, v]))


class CacheWindow:
    """The cache as one pass of the model sees it: some slots, and the positions it reads.

    Attributes:
        positions: where the new ids stand: a slice if the same in every slot, else (B, T).
        mask: which positions a new one may look at, (T, T_all) or (B, 1, T, T_all); None for all.
        is_causal: whether nothing stands before the new ones, so that no mask is needed.
    """

    def __init__(
        self,
        stored: Tensor,
        positions: slice | Tensor,
        *,
        length: int,
        mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> None:
        self.positions = positions
        self.mask = mask
        self.is_causal = is_causal
        keys, values = stored.narrow(-2, 0, length).unbind(1)
        self._keys, self._values = keys.unbind(0), values.unbind(0)
        self._rows: Tensor | None = None
        if isinstance(positions, slice):
            new = stored.narrow(-2, positions.start, positions.stop - positions.start)
            self._layers = new.unbind(0)  # (2, B, H, T, D) each
        else:
            self._layers = stored.unbind(0)  # (2, B, H, capacity, D) each
            self._rows = torch.arange(len(positions), device=positions.device).unsqueeze(1)

    def update(self, layer: int, kv: Tensor) -> tuple[Tensor, Tensor]:
        """Store what a layer computed, (2, B, H, T, D); return all its keys and values."""
        if self._rows is None:
            self._layers[layer].copy_(kv)
        else:
            by_position = kv.permute(1, 3, 0, 2, 4)  # (B, T, 2, H, D)
            self._layers[layer][:, self._rows, :, self.positions] = by_position
        return self._keys[layer], self._values[layer]

    def layer(self, number: int) -> LayerCache:
        """Return what one layer needs of it."""
        return LayerCache(self, number)


class KVCache:
    """Room for the keys and values of `seq_length` positions in every layer, slot by slot.

    Memory: 2 · L · S · seq_length · C numbers. Of one head, positions lie side by side: heads
    side by side would put them 2^n bytes apart, into the same few lines of the processor's
    cache (attention took ten times as long).

    Args:
        config: shape of the model.
        num_slots: S, texts that have room.
        device: where the model lives.
        dtype: of the keys and values.
    """

    def __init__(
        self,
        config: ModelConfig,
        *,
        num_slots: int = 1,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        shape = (num_slots, config.num_heads, config.seq_length, config.head_size)
        self.stored = torch.zeros(config.num_layers, 2, *shape, device=device, dtype=dtype)
        self.capacity = config.seq_length

    @property
    def num_slots(self) -> int:
        return self.stored.size(2)

    def window(self, slots: slice, starts: Sequence[int], counts: Sequence[int]) -> CacheWindow:
        """Return the cache for a pass that reads more ids of some slots.

        Where the counts differ, a shorter row reads its last id again, at the same position.

        Args:
            slots: S of them, side by side.
            starts: of each, how many positions it holds.
            counts: of each, how many ids it reads, at least 1.
        """
        start, T = starts[0], counts[0]
        if starts.count(start) == len(starts) and counts.count(T) == len(counts):
            return self._even_window(slots, start, T)
        T, length = max(counts), max(map(sum, zip(starts, counts, strict=True)))
        assert length <= self.capacity, (length, self.capacity)
        steps = torch.arange(T).expand(len(starts), -1)
        last = torch.tensor(counts).unsqueeze(1) - 1
        where = torch.tensor(starts).unsqueeze(1) + torch.minimum(steps, last)  # (B, T)
        return self.ragged_window(slots, where.to(self.stored.device), length=length)

    def ragged_window(
        self, slots: slice, positions: Tensor, *, length: int | None = None
    ) -> CacheWindow:
        """Return the cache for a pass over any positions (B, T), by the same operations.

        Args:
            slots: B of them.
            positions: on the device of the cache.
            length: positions that are looked at, masked; without one, all there are.
        """
        length = self.capacity if length is None else length
        every = torch.arange(length, device=positions.device)
        mask = (every <= positions.unsqueeze(-1)).unsqueeze(1)  # (B, 1, T, T_all)
        return CacheWindow(self._slots(slots), positions, length=length, mask=mask)

    def _even_window(self, slots: slice, start: int, num_new: int) -> CacheWindow:
        """Return the cache for a pass over the same positions in all slots."""
        stored, length = self._slots(slots), start + num_new
        assert length <= self.capacity, (length, self.capacity)
        positions = slice(start, length)
        if num_new == 1:
            return CacheWindow(stored, positions, length=length)
        if not start:
            return CacheWindow(stored, positions, length=length, is_causal=True)
        mask = _causal_mask(num_new, length, like=stored)
        return CacheWindow(stored, positions, length=length, mask=mask)

    def _slots(self, slots: slice) -> Tensor:
        start, stop = slots.start, slots.stop
        if start == 0 and stop == self.num_slots:
            return self.stored
        return self.stored.narrow(2, start, stop - start)

    @torch.inference_mode()
    def copy(self, source: int, target: int, *, length: int) -> None:
        """Let a slot hold what the first `length` positions of another do."""
        self.stored[:, :, target, :, :length] = self.stored[:, :, source, :, :length]

    @torch.inference_mode()
    def reorder(self, sources: Sequence[int], *, length: int) -> None:
        """Let slot i hold the first `length` positions of slot sources[i]: beams fork and die."""
        rows = torch.tensor(sources, device=self.stored.device)
        self.stored[:, :, : len(sources), :, :length] = self.stored[:, :, rows, :, :length]

    @torch.inference_mode()
    def grow(self, num_slots: int) -> None:
        """Make room for more slots; those there are keep what they hold."""
        more = self.stored.new_zeros(
            *self.stored.shape[:2], num_slots - self.num_slots, *self.stored.shape[3:]
        )
        self.stored = torch.cat([self.stored, more], dim=2)


def _causal_mask(num_new: int, length: int, *, like: Tensor) -> Tensor:
    """Return 0 where a new position may look and −inf where not, (T, T_all)."""
    never = like.new_full((num_new, length), -torch.inf)
    return never.triu_(length - num_new + 1)
