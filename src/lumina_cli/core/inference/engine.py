"""The engine: texts side by side, each in a row of its own length, and no id read twice.

Rows come and go while others go on. `prefill` reads a prompt, `decode` one more id for each of
some rows, `verify` a few draft tokens of one; `recompute` gives logits that depend on a row's
ids alone, to the last bit, however they were read. An interruption between any two operations
leaves all rows whole: a row counts ids once they are read.

R rows, T time, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from lumina_cli.core.inference.backends.backend import Backend
from lumina_cli.core.inference.backends.torch_backend import TorchBackend
from lumina_cli.core.model.transformer import Transformer

RECOMPUTE_CHUNK = 128
"""Ids that a recomputation reads in one pass; where they are cut depends on the text alone."""

LEAST_SHARED = 32
"""Ids that a new row must have in common with another for them to be copied."""


@dataclass(eq=False, slots=True)
class Row:
    """One text in the cache.

    Attributes:
        slot: where its keys and values are.
        ids: those read, as far back as the context reaches.
        num_in_chunks: how many of the first were read in whole chunks: see `Backend`.
        num_slides: how often the context was full and went on with its later half.
    """

    slot: int
    ids: list[int] = field(default_factory=list)
    num_in_chunks: int = 0
    num_slides: int = 0


class Engine:
    """Reads ids for a model.

    Args:
        model: in `eval()` mode, its weights staying where they are, to be read for by torch; or
            a backend that reads for one, whose own slots are left alone.
        num_rows: rows to make room for; more are made room for as they are admitted.
    """

    def __init__(self, model: Transformer | Backend, *, num_rows: int = 1) -> None:
        if isinstance(model, Transformer):
            self.backend: Backend = TorchBackend(model, num_slots=num_rows)
        else:
            self.backend = model.empty(num_rows)
        self.model = self.backend.model
        self.seq_length = self.model.config.seq_length
        self.rows: list[Row] = []
        self._chunk_size = self.backend.chunk_size

    def admit(self, prompt_ids: Sequence[int] = ()) -> Row:
        """Return a new row; it begins with what another has read of its prompt."""
        slot = len(self.rows)
        if slot == self.backend.num_slots:
            self.backend.grow(2 * slot)
        row = Row(slot)
        if prompt_ids:
            self._share(row, prompt_ids)
        self.rows.append(row)
        return row

    def release(self, row: Row) -> None:
        """Let go of a row; the last one takes its slot, so that those in use stay side by side."""
        last = self.rows[-1]
        row.ids = []
        if last is not row:
            self.backend.copy(last.slot, row.slot, length=len(last.ids))
            self.rows[row.slot], last.slot = last, row.slot
        self.rows.pop()

    def fork(self, row: Row) -> Row:
        """Return a new row that has read the same."""
        new = self.admit()
        self.backend.copy(row.slot, new.slot, length=len(row.ids))
        new.ids, new.num_in_chunks = list(row.ids), row.num_in_chunks
        return new

    def free_positions(self, row: Row) -> int:
        """Return how many more ids a row's context holds."""
        return self.seq_length - len(row.ids)

    def prefill(self, row: Row, prompt_ids: Sequence[int]) -> Tensor:
        """Return the logits of what follows a prompt, (1, V).

        What it has in common with what the row has read is not read again.

        Args:
            row: any.
            prompt_ids: at least one id; of more than the context holds the newest are read.
        """
        return self.forward([(row, self.begin(row, prompt_ids))])

    def begin(self, row: Row, prompt_ids: Sequence[int]) -> list[int]:
        """Let a row hold what it has read of a prompt, and return the ids still to be read."""
        assert prompt_ids, "there is something to read"
        ids = list(prompt_ids[-self.seq_length :])
        self.truncate(row, self._num_usable(row, min(num_common(row.ids, ids), len(ids) - 1)))
        return ids[len(row.ids) :]

    def decode(self, rows: Sequence[Row], ids: Sequence[int]) -> Tensor:
        """Return the logits of what follows one more id of each row, (R, V).

        A full context goes on with its later half, which is read anew.
        """
        work = [(row, self.next_ids(row, id_)) for row, id_ in zip(rows, ids, strict=True)]
        return self.forward(work)

    def next_ids(self, row: Row, id_: int) -> list[int]:
        """Return what has to be read for one more id: itself, or the later half too."""
        if len(row.ids) < self.seq_length:
            return [id_]
        kept = row.ids[1 - num_kept(self.seq_length) :]
        self.truncate(row, 0)
        row.num_slides += 1
        return [*kept, id_]

    def verify(self, row: Row, ids: Sequence[int]) -> Tensor:
        """Return the logits of what follows each of a few more ids of a row, (T, V).

        What turns out to be a wrong draft token is to be forgotten: see `truncate`.
        """
        return self._read([(row, ids)])[0]

    def truncate(self, row: Row, length: int) -> None:
        """Let a row forget all but its first `length` ids."""
        del row.ids[length:]
        row.num_in_chunks = self._num_usable(row, length)

    def forward(self, work: Sequence[tuple[Row, Sequence[int]]]) -> Tensor:
        """Read more ids of some rows; return the logits of what follows each one's last, (R, V).

        Rows whose slots are side by side share a pass, whatever their lengths.
        """
        slots = [row.slot for row, _ in work]
        if slots == list(range(slots[0], slots[0] + len(slots))):
            return self._read(work, only_last=True)
        order = sorted(range(len(work)), key=lambda number: slots[number])
        logits: list[Tensor] = [torch.empty(0)] * len(work)
        for numbers in _runs(order, [slots[number] for number in order]):
            last = self._read([work[number] for number in numbers], only_last=True)
            for number, of_row in zip(numbers, last, strict=True):
                logits[number] = of_row
        return torch.stack(logits)

    def recompute(self, ids: Sequence[int]) -> "Recompute":
        """Return the computation of the logits of what follows some ids, a pass at a time."""
        return Recompute(self.backend.exact(), ids)

    def reorder(self, parents: Sequence[int]) -> None:
        """Let row i go on from what row parents[i] has read, all equally much: beams."""
        moved = self.rows[: len(parents)]
        read = [self.rows[parent] for parent in parents]
        ids, in_chunks = [row.ids for row in read], [row.num_in_chunks for row in read]
        for row in moved:
            row.ids = []
        self.backend.reorder(parents, length=len(ids[0]))
        for row, of_parent, num_in_chunks in zip(moved, ids, in_chunks, strict=True):
            row.ids, row.num_in_chunks = list(of_parent), num_in_chunks

    def _read(
        self, work: Sequence[tuple[Row, Sequence[int]]], *, only_last: bool = False
    ) -> Tensor:
        """Read ids of rows in neighbouring slots; return logits after each (or last)."""
        starts = [len(row.ids) for row, _ in work]
        logits = self.backend.forward(
            work[0][0].slot, [ids for _, ids in work], starts, only_last=only_last
        )
        for start, (row, ids) in zip(starts, work, strict=True):
            row.ids += ids
            if len(ids) > 1 and start == row.num_in_chunks and self._chunk_size is not None:
                row.num_in_chunks = len(row.ids) // self._chunk_size * self._chunk_size
        return logits

    def _num_usable(self, row: Row, length: int) -> int:
        """Return how many of a row's first `length` ids another text may go on from."""
        if self._chunk_size is None:
            return length
        return min(row.num_in_chunks, length // self._chunk_size * self._chunk_size)

    def _share(self, row: Row, prompt_ids: Sequence[int]) -> None:
        """Copy what another row has read of the beginning of a prompt, if that is worth it."""
        ids = list(prompt_ids[-self.seq_length :])
        donor = max(self.rows, key=lambda other: num_common(other.ids, ids), default=None)
        if donor is None:
            return
        length = self._num_usable(donor, num_common(donor.ids, ids))
        if length >= LEAST_SHARED:
            self.backend.copy(donor.slot, row.slot, length=length)
            row.ids = ids[:length]
            row.num_in_chunks = length


class Recompute:
    """The logits of what follows some ids, read anew in passes that depend on them alone.

    Other rows can go on between its passes.
    """

    def __init__(self, backend: Backend, ids: Sequence[int]) -> None:
        self._backend = backend
        self._ids = list(ids)
        self._num_read = 0

    def step(self) -> Tensor | None:
        """Do one pass; return the logits, (1, V), with the last."""
        start = self._num_read
        ids = self._ids[start : start + RECOMPUTE_CHUNK]
        logits = self._backend.forward(0, [ids], [start], only_last=True)
        self._num_read += len(ids)
        return logits if self._num_read == len(self._ids) else None

    def run(self) -> Tensor:
        """Do all passes."""
        while (logits := self.step()) is None:
            pass
        return logits


def _runs(numbers: Sequence[int], slots: Sequence[int]) -> Iterator[list[int]]:
    """Yield the numbers whose slots, in order, are side by side."""
    run: list[int] = []
    for number, slot, before in zip(numbers, slots, [None, *slots], strict=False):
        if run and slot - 1 != before:
            yield run
            run = []
        run.append(number)
    yield run


def num_common(ids: Sequence[int], others: Sequence[int]) -> int:
    """Return how many first ids two texts have in common."""
    pairs: Iterator[tuple[int, tuple[int, int]]] = enumerate(zip(ids, others, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(ids), len(others)))


def num_kept(seq_length: int) -> int:
    """Return how many newest ids a full context goes on with, the one just said among them."""
    return seq_length - seq_length // 2
