"""A pass of the model that a GPU records once and plays again.

Starting an operation takes a GPU longer than a small one computes, and one more id for one
text is some hundred small operations. A CUDA graph starts all of them at once.

B batch, T time, V vocabulary.
"""

import torch
from torch import Tensor

from lumina_cli.core.model.kernels.decoder import Decoder
from lumina_cli.core.model.kv_cache import KVCache

WARM_UP = 3
"""Passes before recording: libraries set themselves up in their first ones."""

_has_failed = False


def can_record(device: torch.device) -> bool:
    """Whether passes on a device are worth recording, and none has failed in this process."""
    return device.type == "cuda" and not _has_failed


def give_up_recording() -> None:
    """Record nothing any more: who knows what a failed recording left behind."""
    global _has_failed
    _has_failed = True


class FixedPass:
    """Reads T more ids of B texts, anywhere behind what the cache holds.

    Whatever the ids and their places, it does the same operations on the same memory.

    Args:
        decoder: of the model; its weights must stay where they are.
        cache: of the texts, which must stay where it is.
        idx: ids to begin with, (B, T); later ones are of this shape.
    """

    def __init__(self, decoder: Decoder, cache: KVCache, idx: Tensor) -> None:
        device = cache.layers[0].device
        self._decoder = decoder
        self._cache = cache
        self._idx = idx.to(device, copy=True)
        self._offsets = torch.arange(idx.size(1), device=device)
        self._where = self._offsets + cache.length

    def __call__(self, idx: Tensor) -> Tensor:
        """Return the logits of what follows each id, (B, T, V); the cache takes them up."""
        T, start = idx.size(1), self._cache.length
        assert start + T <= self._cache.capacity, (start, T)
        self._idx.copy_(idx)
        torch.add(self._offsets, start, out=self._where)
        logits = self._compute()
        self._cache.advance(T)
        return logits

    def _compute(self) -> Tensor:
        hidden = self._decoder.hidden_at(self._idx, self._where, cache=self._cache)
        return self._decoder.logits(hidden)


class RecordedPass(FixedPass):
    """A pass whose operations are started all at once.

    Raises:
        RuntimeError: the GPU can't record it.
    """

    def __init__(self, decoder: Decoder, cache: KVCache, idx: Tensor) -> None:
        super().__init__(decoder, cache, idx)
        device = self._idx.device
        self._graph = torch.cuda.CUDAGraph()
        # If recording fails, torch leaves its own stream as the current one.
        with torch.cuda.device(device), torch.cuda.stream(torch.cuda.current_stream(device)):
            for _ in range(WARM_UP):
                super()._compute()
            with torch.cuda.graph(self._graph):
                self._logits = super()._compute()

    def _compute(self) -> Tensor:
        self._graph.replay()
        return self._logits.clone()  # the next pass writes over it
