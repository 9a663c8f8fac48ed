"""Which text is read and which goes on next, where many are generated side by side.

A pass over many rows takes hardly longer than over one, for the weights have to be fetched
either way. Texts join when there is a row for them and leave when they end. Prompts are read
a chunk at a time beside the texts that go on, and so is what has to be recomputed: nothing
holds the others up. Each text is what it would be alone: its draws are its own, and no choice
depends on how the logits were computed (see `sampler`).
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lumina_cli.core.inference.engine import LEAST_SHARED, Engine, Recompute, Row, num_common
from lumina_cli.core.inference.sampling.filters import Logits
from lumina_cli.core.inference.sequence import SequenceState, as_rows
from lumina_cli.core.inference.stopping import GenerationChunk
from lumina_cli.core.model.config import ModelConfig

PREFILL_CHUNK = 128
"""Ids of each prompt that are read between two ids of the texts that go on."""

MAX_ROWS = 64
"""Texts side by side: more gain little."""

MAX_CACHE_BYTES = 1 << 29
"""Keys and values of all rows together."""

Output = tuple[SequenceState, list[GenerationChunk]]


@dataclass(slots=True)
class _Running:
    """A text that has a row."""

    sequence: SequenceState
    row: Row
    unread: list[int]
    recompute: Recompute | None = None


class Scheduler:
    """Generates many texts with one engine.

    Args:
        engine: whose rows are this scheduler's alone.
        max_rows: texts that go on at once; the others wait in the order they came.
    """

    def __init__(self, engine: Engine, *, max_rows: int) -> None:
        self._engine = engine
        self._max_rows = max_rows
        self._waiting: deque[tuple[SequenceState, Sequence[int]]] = deque()
        self._running: list[_Running] = []

    @property
    def is_idle(self) -> bool:
        """Whether no text is waiting or going on."""
        return not self._waiting and not self._running

    def add(self, sequence: SequenceState, prompt_ids: Sequence[int]) -> None:
        """Let a text join as soon as there is a row for it."""
        self._waiting.append((sequence, prompt_ids))

    def step(self) -> list[Output]:
        """Do a pass for each kind of work; return what was generated.

        Raises:
            LuminaError: the model's probabilities are not numbers.
        """
        self._admit()
        going_on = [each for each in self._running if each.recompute is None]
        decoding = [each for each in going_on if len(each.unread) == 1]
        prefilling = [each for each in going_on if len(each.unread) > 1]
        recomputing = [each for each in self._running if each.recompute is not None]
        outputs: list[Output] = []
        for group in (decoding, prefilling):
            if group:
                outputs += self._forward(group)
        for each in recomputing:
            outputs += self._recompute(each)
        return outputs

    def _admit(self) -> None:
        while self._waiting and len(self._running) < self._max_rows:
            if self._is_about_to_be_read(self._waiting[0][1]):
                return
            sequence, prompt_ids = self._waiting.popleft()
            row = self._engine.admit(prompt_ids)
            unread = self._engine.begin(row, prompt_ids)
            self._running.append(_Running(sequence, row, unread))

    def _is_about_to_be_read(self, prompt_ids: Sequence[int]) -> bool:
        """Whether the beginning of a prompt is being read, to be shared in a moment."""
        ids = prompt_ids[-self._engine.seq_length :]
        reading = (each for each in self._running if len(each.unread) > 1)
        return any(
            num_common([*each.row.ids, *each.unread], ids)
            >= max(LEAST_SHARED, num_common(each.row.ids, ids) + 1)
            for each in reading
        )

    def _forward(self, group: list[_Running]) -> Iterator[Output]:
        chunks = [each.unread[:PREFILL_CHUNK] for each in group]
        logits = as_rows(
            self._engine.forward([(each.row, ids) for each, ids in zip(group, chunks, strict=True)])
        )
        for each, ids, of_next in zip(group, chunks, logits, strict=True):
            del each.unread[: len(ids)]
            if not each.unread:
                yield from self._take(each, each.sequence.push(of_next))

    def _recompute(self, each: _Running) -> Iterator[Output]:
        assert each.recompute is not None
        exact = each.recompute.step()
        if exact is not None:
            each.recompute = None
            yield from self._take(each, each.sequence.push_exact(_only(as_rows(exact))))

    def _take(self, each: _Running, chunks: list[GenerationChunk] | None) -> Iterator[Output]:
        """Go on with a text whose next id was chosen, or has to be by recomputed logits."""
        if chunks is None:
            each.recompute = self._engine.recompute(each.row.ids)
            return
        if each.sequence.has_ended:
            self._running.remove(each)
            self._engine.release(each.row)
        else:
            each.unread = self._engine.next_ids(each.row, each.sequence.last_id)
        yield each.sequence, chunks


def rows_at_once(config: ModelConfig) -> int:
    """Return how many texts a model of this shape generates side by side."""
    row_bytes = 8 * config.num_layers * config.seq_length * config.hidden_size
    return max(1, min(MAX_ROWS, MAX_CACHE_BYTES // row_bytes))


def _only(rows: Logits) -> Logits:
    row: Logits = rows[0]
    return row
