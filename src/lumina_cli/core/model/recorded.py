"""A pass of the model that a GPU records once and plays again.

Starting an operation takes a GPU longer than a small one computes, and one more id for one
text is some hundred small operations. A CUDA graph starts all of them at once.
"""

import torch
from torch import Tensor

from lumina_cli.core.model.decoder import Decoder
from lumina_cli.core.model.kv_cache import KVCache

WARM_UP = 3
"""Passes before recording: libraries set themselves up in their first ones."""


class RecordedPass:
    """Reads T more ids of B texts, anywhere behind what the cache holds.

    Args:
        decoder: of the model; its weights must stay where they are.
        cache: of the texts, which must stay where it is.
        idx: ids to begin with, (B, T); later ones are of this shape.
        records: whether to record; else every operation is started anew.

    Raises:
        RuntimeError: the GPU can't record the pass.
    """

    def __init__(self, decoder: Decoder, cache: KVCache, idx: Tensor, *, records: bool) -> None:
        device = cache.layers[0].device
        self._decoder = decoder
        self._cache = cache
        self._idx = idx.to(device, copy=True)
        self._offsets = torch.arange(idx.size(1), device=device)
        self._where = self._offsets + cache.length
        self._graph: torch.cuda.CUDAGraph | None = None
        if records:
            self._graph, self._logits = self._record()

    def __call__(self, idx: Tensor) -> Tensor:
        """Return the logits of what follows each id, (B, T, V); the cache takes them up."""
        T, start = idx.size(1), self._cache.length
        assert start + T <= self._cache.capacity, (start, T)
        self._idx.copy_(idx)
        torch.add(self._offsets, start, out=self._where)
        if self._graph is None:
            logits = self._compute()
        else:
            self._graph.replay()
            logits = self._logits.clone()  # the next time is written over it
        self._cache.advance(T)
        return logits

    def _record(self) -> tuple[torch.cuda.CUDAGraph, Tensor]:
        beside = torch.cuda.Stream(self._idx.device)  # type: ignore[no-untyped-call]
        beside.wait_stream(torch.cuda.current_stream(self._idx.device))
        with torch.cuda.stream(beside):
            for _ in range(WARM_UP):
                self._compute()
        torch.cuda.current_stream(self._idx.device).wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            logits = self._compute()
        return graph, logits

    def _compute(self) -> Tensor:
        hidden = self._decoder.hidden_at(self._idx, self._where, cache=self._cache)
        return self._decoder.logits(hidden)
