"""Which text is read and which goes on next, where many are generated side by side.

A pass over many rows takes hardly longer than over one, for the weights have to be fetched
either way. Texts join when there is a row for them and leave when they end or are cancelled.
Prompts are read a chunk at a time beside the texts that go on, and so is what has to be
recomputed: nothing holds the others up. A text that goes on by itself is said by draft tokens
where that pays. Each text is what it would be alone: its draws are its own, and no choice
depends on how the logits were computed (see `sampler`).
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lumina_cli.core.inference.engine import LEAST_SHARED, Engine, Recompute, Row, num_common
from lumina_cli.core.inference.sampling.filters import Logits
from lumina_cli.core.inference.sequence import SequenceState, as_rows
from lumina_cli.core.inference.speculative.policy import NUM_DRAFT_TOKENS
from lumina_cli.core.inference.speculative.speculator import Speculator
from lumina_cli.core.inference.stopping import GenerationChunk
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.errors import LuminaError

PREFILL_CHUNK = 128
"""Ids of each prompt that are read between two ids of the texts that go on."""

LEAST_PREFILL = 16
"""Ids of prompts that an interactive step reads at least, however few texts go on."""

MAX_ROWS = 64
"""Texts side by side: more gain little."""

MAX_CACHE_BYTES = 1 << 29
"""Keys and values of all rows together."""

Choose = Callable[[Logits], list[GenerationChunk] | None]
"""`SequenceState.push` or `push_exact`."""


class Output(NamedTuple):
    """What a step did for one text.

    Attributes:
        sequence: the text.
        chunks: what is certain to be text by now.
        error: why the text can't go on; it has left then.
    """

    sequence: SequenceState
    chunks: list[GenerationChunk]
    error: LuminaError | None = None


@dataclass(eq=False, slots=True)
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
        speculator: proposes draft tokens where one text goes on by itself.
        is_interactive: whether somebody waits for each character. Then beside the texts that go
            on a step reads only about twice as many ids of prompts as there are such texts, and
            recomputes for one text at most.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        max_rows: int,
        speculator: Speculator | None = None,
        is_interactive: bool = False,
    ) -> None:
        self._engine = engine
        self._max_rows = max_rows
        self._speculator = speculator
        self._is_interactive = is_interactive
        self._waiting: deque[tuple[SequenceState, Sequence[int]]] = deque()
        self._running: list[_Running] = []
        self._guessed: _Running | None = None
        """The text that the speculator stands behind."""

    @property
    def is_idle(self) -> bool:
        """Whether no text is waiting or going on."""
        return not self._waiting and not self._running

    @property
    def num_free(self) -> int:
        """How many more texts could go on at once."""
        return max(0, self._max_rows - len(self._running) - len(self._waiting))

    def add(self, sequence: SequenceState, prompt_ids: Sequence[int]) -> None:
        """Let a text join as soon as there is a row for it."""
        self._waiting.append((sequence, prompt_ids))

    def cancel(self, sequence: SequenceState) -> None:
        """Let a text leave, wherever it is; one that has left already is passed over."""
        self._waiting = deque(each for each in self._waiting if each[0] is not sequence)
        for each in [each for each in self._running if each.sequence is sequence]:
            self._leave(each)

    def step(self) -> list[Output]:
        """Do a pass for each kind of work; return what was generated, of each text once."""
        self._admit()
        going_on = [each for each in self._running if each.recompute is None]
        decoding = [each for each in going_on if len(each.unread) == 1]
        prefilling = [each for each in going_on if len(each.unread) > 1]
        recomputing = [each for each in self._running if each.recompute is not None]
        outputs: list[Output] = []
        if decoding and self._speculator and len(self._running) == 1 and not self._waiting:
            outputs += _joined(list(self._speculate(decoding[0], self._speculator)))
        else:
            self._guessed = None
            work = self._prefill_work(prefilling, num_decoding=len(decoding))
            for group in ([(each, each.unread) for each in decoding], work):
                if group:
                    outputs += self._forward(group)
        for each in recomputing[:1] if self._is_interactive else recomputing:
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

    def _prefill_work(
        self, prefilling: list[_Running], *, num_decoding: int
    ) -> list[tuple[_Running, list[int]]]:
        """Return what to read of prompts in this step, those that came first before others."""
        if not self._is_interactive or not prefilling:
            return [(each, each.unread[:PREFILL_CHUNK]) for each in prefilling]
        # A pass over twice as many ids as there are texts takes about as long as saying them.
        budget = max(LEAST_PREFILL, 2 * num_decoding) if num_decoding else PREFILL_CHUNK
        chunk_size = self._engine.backend.chunk_size
        if chunk_size is not None:  # a piece ends at a multiple of it
            return [(prefilling[0], prefilling[0].unread[: -(-budget // chunk_size) * chunk_size])]
        longest = min(len(prefilling[0].unread), budget)
        num_rows = budget // longest  # rows are padded to the longest
        return [(each, each.unread[:longest]) for each in prefilling[:num_rows]]

    def _forward(self, work: list[tuple[_Running, list[int]]]) -> Iterator[Output]:
        read = [(each, list(ids)) for each, ids in work]
        logits = as_rows(self._engine.forward([(each.row, ids) for each, ids in read]))
        for (each, ids), of_next in zip(read, logits, strict=True):
            del each.unread[: len(ids)]
            if not each.unread:
                yield from self._choose(each, each.sequence.push, of_next)

    def _recompute(self, each: _Running) -> Iterator[Output]:
        assert each.recompute is not None
        exact = each.recompute.step()
        if exact is not None:
            each.recompute = None
            yield from self._choose(each, each.sequence.push_exact, as_rows(exact)[0])

    def _speculate(self, each: _Running, speculator: Speculator) -> Iterator[Output]:
        """Let the only text go on by an id, or by several if they are guessed."""
        if self._guessed is not each:
            speculator.begin([*each.row.ids, *each.unread])
            self._guessed = each
        speculator.start()
        has_room = self._engine.free_positions(each.row) > NUM_DRAFT_TOKENS
        draft_tokens = speculator.propose(NUM_DRAFT_TOKENS) if has_room else []
        ids, length = [*each.unread, *draft_tokens], len(each.row.ids)
        logits = as_rows(self._engine.verify(each.row, ids))  # (1 + G, V)
        read = each.row.ids
        chosen: list[int] = []
        for of_next, draft_token in zip(logits, [*draft_tokens, None], strict=True):
            each.row.ids = read[: length + 1 + len(chosen)]  # what follows may be a wrong draft
            each.unread = []
            yield from self._choose(each, each.sequence.push, of_next)
            if not each.unread:  # it has left, or is recomputed
                self._guessed = None
                return
            chosen.append(each.sequence.last_id)
            if chosen[-1] != draft_token:
                break
        speculator.stop(chosen, num_draft_tokens=len(draft_tokens))

    def _choose(self, each: _Running, choose: Choose, logits: Logits) -> Iterator[Output]:
        """Choose a text's next id, or see that it has to be by recomputed logits."""
        try:
            chunks = choose(logits)
        except LuminaError as error:
            self._leave(each)
            yield Output(each.sequence, [], error)
            return
        if chunks is None:
            each.recompute = self._engine.recompute(each.row.ids)
            return
        if each.sequence.has_ended:
            self._leave(each)
        else:
            each.unread = self._engine.next_ids(each.row, each.sequence.last_id)
        yield Output(each.sequence, chunks)

    def _leave(self, each: _Running) -> None:
        self._running.remove(each)
        self._engine.release(each.row)


def _joined(outputs: list[Output]) -> list[Output]:
    """Return several outputs of one text as one."""
    if not outputs:
        return []
    chunks = [chunk for output in outputs for chunk in output.chunks]
    return [outputs[-1]._replace(chunks=chunks)]


def rows_at_once(config: ModelConfig) -> int:
    """Return how many texts a model of this shape generates side by side."""
    row_bytes = 8 * config.num_layers * config.seq_length * config.hidden_size
    return max(1, min(MAX_ROWS, MAX_CACHE_BYTES // row_bytes))
