"""Passes of the model that a GPU records once and plays again.

Starting an operation takes a GPU longer than a small one computes, and one more id for one
text is some hundred small operations. A CUDA graph starts all of them at once.

B batch, T time, C hidden size.
"""

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from lumina_cli.core.model.kernels.decoder import Hidden
from lumina_cli.core.model.kv_cache import KVCache

WARM_UP = 3
"""Passes before recording: libraries set themselves up in their first ones."""

RECORD_AFTER = 8
"""Passes of the same shape before one is recorded, which takes several passes itself. Once one
is, others are at once: much is being said."""

MOST_IDS = 16
"""Ids of each text in a pass, beyond which it is never recorded."""


def can_record(device: torch.device) -> bool:
    """Whether passes on a device can be recorded."""
    return device.type == "cuda"


class CUDAGraphRunner:
    """Records the passes that come often, each by its slots and number of ids.

    Args:
        hidden: the pass.
        cache: which must stay where it is, or `forget` be called.
    """

    def __init__(self, hidden: Hidden, cache: KVCache) -> None:
        self._hidden = hidden
        self._cache = cache
        self._recorded: dict[tuple[int, int, int], StaticPass] = {}
        self._num_passes: Counter[tuple[int, int, int]] = Counter()
        self._has_failed = False

    def run(self, slots: slice, idx: Tensor, starts: Sequence[int]) -> Tensor | None:
        """Return what the pass over ids (B, T) computes, (B, T, C); None if it isn't recorded."""
        if not can_record(idx.device) or self._has_failed or idx.size(1) > MOST_IDS:
            return None
        shape = (slots.start, slots.stop, idx.size(1))
        self._num_passes[shape] += 1
        is_worth_it = bool(self._recorded) or self._num_passes[shape] > RECORD_AFTER
        if shape not in self._recorded and is_worth_it:
            try:
                self._recorded[shape] = RecordedPass(self._hidden, self._cache, slots, idx, starts)
            except RuntimeError:
                self._has_failed = True  # who knows what a failed recording left behind
        recorded = self._recorded.get(shape)
        return None if recorded is None else recorded(idx, starts)

    def forget(self) -> None:
        """Record anew: the cache has moved."""
        self._recorded.clear()
        self._num_passes.clear()


class StaticPass:
    """Reads T more ids in each of some slots, by the same operations on the same memory.

    Args:
        hidden: the pass.
        cache: of the texts.
        slots: B of them.
        idx: ids to begin with, (B, T); later ones are of this shape.
        starts: how many positions each slot holds.
    """

    def __init__(
        self, hidden: Hidden, cache: KVCache, slots: slice, idx: Tensor, starts: Sequence[int]
    ) -> None:
        self._hidden = hidden
        self._cache, self._slots = cache, slots
        self._idx = torch.empty_like(idx)
        self._positions = torch.empty_like(idx)
        self._offsets = torch.arange(idx.size(1), device=idx.device)
        self._begin(idx, starts)

    def __call__(self, idx: Tensor, starts: Sequence[int]) -> Tensor:
        """Return what the pass computes, (B, T, C)."""
        self._begin(idx, starts)
        return self._compute()

    def _begin(self, idx: Tensor, starts: Sequence[int]) -> None:
        self._idx.copy_(idx)
        begin = torch.tensor(starts, device=idx.device).unsqueeze(1)
        torch.add(begin, self._offsets, out=self._positions)

    def _compute(self) -> Tensor:
        window = self._cache.ragged_window(self._slots, self._positions)
        return self._hidden(self._idx, window)


class RecordedPass(StaticPass):
    """A pass whose operations are started all at once.

    Raises:
        RuntimeError: the GPU can't record it.
    """

    def __init__(
        self, hidden: Hidden, cache: KVCache, slots: slice, idx: Tensor, starts: Sequence[int]
    ) -> None:
        super().__init__(hidden, cache, slots, idx, starts)
        device = self._idx.device
        self._graph = torch.cuda.CUDAGraph()
        # If recording fails, torch leaves its own stream as the current one.
        with torch.cuda.device(device), torch.cuda.stream(torch.cuda.current_stream(device)):
            for _ in range(WARM_UP):
                super()._compute()
            with torch.cuda.graph(self._graph):
                self._output = super()._compute()

    def _compute(self) -> Tensor:
        self._graph.replay()
        return self._output.clone()  # the next pass writes over it
