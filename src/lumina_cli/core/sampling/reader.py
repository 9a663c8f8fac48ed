"""What the model has read: the ids in its context, with their keys and values.

B texts of equal length, T time, V vocabulary.
"""

import copy

import torch
from torch import Tensor

from lumina_cli.core.model.kv_cache import KVCache
from lumina_cli.core.model.transformer import Transformer


class Reader:
    """Reads ids for the model so that none is read twice, and moves on when it is full.

    Memory is taken once, for `seq_length` positions. An interruption between any two
    operations leaves it whole: ids are written before the cache counts them.

    Args:
        model: in `eval()` mode.
        batch_size: B, texts of equal length read side by side.
    """

    def __init__(self, model: Transformer, *, batch_size: int = 1) -> None:
        weight = model.wte.weight
        self.model = model
        self.batch_size = batch_size
        self.num_moves = 0
        self._cache = KVCache(
            model.config, batch_size=batch_size, device=weight.device, dtype=weight.dtype
        )
        self._idx = torch.zeros(
            batch_size, model.config.seq_length, dtype=torch.long, device=weight.device
        )

    @property
    def length(self) -> int:
        """Positions of the context in use."""
        return self._cache.length

    @torch.inference_mode()
    def read(self, idx: Tensor) -> Tensor:
        """Return the logits of what follows `idx`, (B, V).

        What the texts have in common with what was read before is not read again.

        Args:
            idx: (B, T), or (1, T) for one text in all rows; 1 ≤ T ≤ seq_length.
        """
        T = idx.size(1)
        assert 1 <= T <= self._cache.capacity, (T, self._cache.capacity)
        known = min(self.num_common(idx), T - 1)
        self._cache.truncate(known)
        return self._forward(idx[:, known:].expand(self.batch_size, -1))

    @torch.inference_mode()
    def append(self, idx: Tensor) -> Tensor:
        """Return the logits of what follows the texts with one more id each, idx (B,).

        A full context goes on with its later half, which is read anew.
        """
        new = idx.unsqueeze(1)  # (B, 1)
        if self._cache.length == self._cache.capacity:
            later = self._idx[:, 1 - num_kept(self._cache.capacity) :]
            new = torch.cat([later, new], dim=1)
            self._cache.truncate(0)
            self.num_moves += 1
        return self._forward(new)

    @torch.inference_mode()
    def select(self, rows: Tensor) -> None:
        """Let row i go on from what row rows[i] has read, rows (B,)."""
        self._cache.select(rows)
        self._idx[:, : self.length] = self._idx[rows, : self.length]

    def fork(self) -> "Reader":
        """Return a reader of the same model that has read the same, and goes its own way."""
        return copy.deepcopy(self, {id(self.model): self.model})

    def num_common(self, idx: Tensor) -> int:
        """Return how many first ids of `idx` are those read, in all rows."""
        length = min(idx.size(1), self.length)
        differs = (self._idx[:, :length] != idx[:, :length]).any(dim=0)
        return int(differs.int().argmax()) if bool(differs.any()) else length

    def _forward(self, idx: Tensor) -> Tensor:
        assert not self.model.training, "sampling wants model.eval()"
        start = self.length
        self._idx[:, start : start + idx.size(1)] = idx
        x = self.model.hidden(idx, cache=self._cache)[:, -1]  # (B, C)
        logits: Tensor = self.model.lm_head(x)
        return logits.float()


def num_kept(seq_length: int) -> int:
    """Return how many newest ids a full context goes on with, the one just said among them."""
    return seq_length - seq_length // 2
