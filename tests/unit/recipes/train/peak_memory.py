"""How many bytes of tensors live at once while something is done."""

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class PeakBytes(TorchDispatchMode):
    """Counts the storages that operations of this thread make, until they are freed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._counted: set[int] = set()

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        given = {id(t.untyped_storage()) for t in tree_leaves(args) if isinstance(t, torch.Tensor)}
        for each in tree_leaves(result):
            if isinstance(each, torch.Tensor) and id(each.untyped_storage()) not in given:
                self._count(each.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        key, num_bytes = id(storage), storage.nbytes()
        if key in self._counted:
            return
        self._counted.add(key)
        weakref.finalize(storage, self._forget, key, num_bytes)
        self.now += num_bytes
        self.peak = max(self.peak, self.now)

    def _forget(self, key: int, num_bytes: int) -> None:
        self._counted.discard(key)
        self.now -= num_bytes


def peak_bytes(work: Callable[[], object]) -> int:
    """Return the most bytes that `work` held at once, of those that it made."""
    with PeakBytes() as counted:
        work()
    return counted.peak
