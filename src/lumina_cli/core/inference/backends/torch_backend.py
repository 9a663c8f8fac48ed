"""The passes as torch does them, on any device.

R rows in a pass, T time, V vocabulary.
"""

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional as F

from lumina_cli.core.inference.backends.cuda_graphs import CUDAGraphRunner
from lumina_cli.core.model.kernels.decoder import Hidden, hidden_of
from lumina_cli.core.model.kv_cache import KVCache
from lumina_cli.core.model.transformer import Transformer


class TorchBackend:
    """Reads for a model whose weights stay where they are: see `Backend`.

    Args:
        model: in `eval()` mode.
        num_slots: texts that have room.
        hidden: the pass, where it is not to be the model's fastest.
    """

    chunk_size: int | None = None

    def __init__(
        self, model: Transformer, *, num_slots: int = 1, hidden: Hidden | None = None
    ) -> None:
        weight = model.wte.weight
        self.model = model
        self.hidden = hidden_of(model) if hidden is None else hidden
        self._head, self._device = model.lm_head.weight, weight.device
        self.cache = KVCache(
            model.config, num_slots=num_slots, device=weight.device, dtype=weight.dtype
        )
        self.graphs = CUDAGraphRunner(self.hidden, self.cache)

    @property
    def num_slots(self) -> int:
        return self.cache.num_slots

    def empty(self, num_slots: int) -> Self:
        return type(self)(self.model, num_slots=num_slots, hidden=self.hidden)

    def exact(self) -> "TorchBackend":
        model = self.model
        return TorchBackend(model, hidden=lambda idx, cache: model.hidden(idx, cache=cache))

    @torch.inference_mode()
    def forward(
        self,
        first: int,
        ids: Sequence[Sequence[int]],
        starts: Sequence[int],
        *,
        only_last: bool = False,
    ) -> Tensor:
        assert not self.model.training, "sampling wants model.eval()"
        counts = [len(each) for each in ids]
        T = max(counts)
        # A shorter row reads its last id again, at the same position: see `KVCache.window`.
        padded = [[*each, *[each[-1]] * (T - len(each))] for each in ids]
        idx = torch.tensor(padded, device=self._device)
        slots = slice(first, first + len(ids))
        hidden = self.graphs.run(slots, idx, starts) if min(counts) == T else None
        if hidden is None:
            hidden = self.hidden(idx, self.cache.window(slots, starts, counts))
        return F.linear(hidden[:, -1] if only_last else hidden, self._head).float()

    def copy(self, source: int, target: int, *, length: int) -> None:
        self.cache.copy(source, target, length=length)

    def reorder(self, sources: Sequence[int], *, length: int) -> None:
        self.cache.reorder(sources, length=length)

    def grow(self, num_slots: int) -> None:
        self.graphs.forget()  # they write where the cache was
        self.cache.grow(num_slots)
