"""The passes as ONNX Runtime does them, on a CPU.

Several texts read one id each in one pass; whoever reads more does so alone, for that is how
GroupQueryAttention takes them. So what a text's pass computes depends on no other text: in
int8, too, where the cuts of a prompt would show (`chunk_size`).

R rows in a pass, T time, H heads, D head size, V vocabulary.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lumina_cli.core.inference.backends.backend import Backend
from lumina_cli.core.inference.backends.torch_backend import TorchBackend
from lumina_cli.core.model.kv_cache import KVCache
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.onnx.engine_graph import KINDS, padded_head_size
from lumina_cli.onnx.errors import CANT_RUN, onnx_failed
from lumina_cli.onnx.onnx_graph import AnyArray
from lumina_cli.onnx.runtime import onnxruntime
from lumina_cli.onnx.weights import Array

CHUNK_SIZE = 64
"""Ids that an int8 model reads at once; of what it has read before, it goes on from a multiple."""

MAX_STEPS = 32
"""Passes of one id a text that are kept ready; texts come and go in few places at a time."""

Ints = npt.NDArray[np.int64]


class OnnxBackend:
    """Reads for a model: see `Backend`.

    Args:
        model: in `eval()` mode, on the CPU; in int8 its matrices hold the rounded numbers.
        session: of its graph (`engine_graph`).
        lent: the weights that the session reads where the model has them; they are kept for it.
        is_int8: whether what comes into each product is rounded.
        num_slots: texts that have room.
    """

    def __init__(
        self,
        model: Transformer,
        session: onnxruntime.InferenceSession,
        *,
        lent: Mapping[str, AnyArray],
        is_int8: bool,
        num_slots: int = 1,
    ) -> None:
        self.model = model
        self.chunk_size = CHUNK_SIZE if is_int8 else None
        self._is_int8 = is_int8
        self._session = session
        self._lent = lent
        config = model.config
        width = config.num_heads * padded_head_size(config)
        self._cache = KVCache(config.model_copy(update={"hidden_size": width}), num_slots=num_slots)
        self._steps: dict[tuple[int, int], _Pass] = {}

    @property
    def num_slots(self) -> int:
        return self._cache.num_slots

    def empty(self, num_slots: int) -> Self:
        return type(self)(
            self.model,
            self._session,
            lent=self._lent,
            is_int8=self._is_int8,
            num_slots=num_slots,
        )

    def exact(self) -> Backend:
        return self.empty(1) if self._is_int8 else TorchBackend(self.model).exact()

    def forward(
        self,
        first: int,
        ids: Sequence[Sequence[int]],
        starts: Sequence[int],
        *,
        only_last: bool = False,
    ) -> Tensor:
        if all(len(each) == 1 for each in ids):
            logits = self._step(first, np.array(ids), np.array(starts))
        else:
            rows = zip(range(first, first + len(ids)), ids, starts, strict=True)
            logits = np.concatenate(
                [self._read(*row, only_last=only_last) for row in rows], dtype=np.float32
            )
        found = torch.from_numpy(logits)
        return found if only_last else found.view(len(ids), -1, logits.shape[-1])

    def copy(self, source: int, target: int, *, length: int) -> None:
        self._cache.copy(source, target, length=length)

    def reorder(self, sources: Sequence[int], *, length: int) -> None:
        self._cache.reorder(sources, length=length)

    def grow(self, num_slots: int) -> None:
        self._steps.clear()  # they write where the cache was
        self._cache.grow(num_slots)

    def _step(self, first: int, ids: Ints, starts: Ints) -> Array:
        """Read one id in each slot, (R, 1); return logits, (R, V)."""
        key = (first, len(ids))
        if key not in self._steps:
            if len(self._steps) == MAX_STEPS:
                self._steps.clear()  # each holds logits for all its rows
            self._steps[key] = self._pass(first, *ids.shape, num_logits=len(ids))
        return self._steps[key].run(ids, starts)

    def _read(self, slot: int, ids: Sequence[int], start: int, *, only_last: bool) -> Array:
        """Read ids in one slot, chunk by chunk; return logits, (T, V) or (1, V)."""
        logits = []
        for chunk in self._chunks(ids, start):
            num_logits = 1 if only_last else len(chunk)
            a_pass = self._pass(slot, 1, len(chunk), num_logits=num_logits)
            logits.append(a_pass.run(np.array([chunk]), np.array([start])))
            start += len(chunk)
        return logits[-1] if only_last else np.concatenate(logits)

    def _chunks(self, ids: Sequence[int], start: int) -> Iterator[Sequence[int]]:
        size = self.chunk_size
        first = len(ids) if size is None else size - start % size
        yield ids[:first]
        for begin in range(first, len(ids), size or len(ids)):
            yield ids[begin : begin + (size or len(ids))]

    def _pass(self, first: int, num_rows: int, num_ids: int, *, num_logits: int) -> "_Pass":
        """Return the pass that reads so many ids in each of some slots."""
        feeds: dict[str, npt.NDArray[Any]] = {
            "input_ids": np.zeros((num_rows, num_ids), np.int64),
            "position_ids": np.zeros((num_rows, num_ids), np.int64),
            "rows": np.arange(num_rows * num_ids)[-num_logits:],
            "seqlens_k": np.zeros(num_rows, np.int32),
            "total_sequence_length": np.zeros((), np.int32),
        }
        logits = np.zeros((num_logits, self.model.vocab_size), np.float32)
        binding = self._session.io_binding()
        for name, values in feeds.items():
            where = values.ctypes.data
            binding.bind_input(name, "cpu", 0, values.dtype.type, values.shape, where)
        binding.bind_output("logits", "cpu", 0, np.float32, logits.shape, logits.ctypes.data)
        for layer, of_layer in enumerate(self._cache.stored):
            for kind, stored in zip(KINDS, of_layer, strict=True):
                slots = stored[first : first + num_rows]
                at = ("cpu", 0, np.float32, tuple(slots.shape), slots.data_ptr())
                binding.bind_input(f"past.{layer}.{kind}", *at)
                binding.bind_output(f"present.{layer}.{kind}", *at)
        return _Pass(self._session, binding, feeds, logits)


class _Pass(NamedTuple):
    """What ONNX Runtime reads from and writes to."""

    session: onnxruntime.InferenceSession
    binding: Any
    feeds: dict[str, npt.NDArray[Any]]
    logits: Array

    def run(self, ids: Ints, starts: Ints) -> Array:
        """Read ids (R, T) of texts that hold `starts` ids each; return logits."""
        feeds, ends = self.feeds, starts + ids.shape[1]
        feeds["input_ids"][:] = ids
        feeds["position_ids"][:] = starts[:, None] + np.arange(ids.shape[1])
        feeds["seqlens_k"][:] = ends - 1
        feeds["total_sequence_length"][...] = ends.max()
        try:
            self.session.run_with_iobinding(self.binding)
        except Exception as error:  # its errors have no other base in common
            raise onnx_failed(CANT_RUN, error) from error
        return self.logits.copy()
