"""What was read is not read again, and nothing changes by that, whatever stands beside it."""

from collections.abc import Callable, Sequence

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor
from torch.overrides import TorchFunctionMode

from lumina_cli.core.inference import engine as module
from lumina_cli.core.inference.backends import cuda_graphs
from lumina_cli.core.inference.backends.cuda_graphs import MOST_IDS, RECORD_AFTER, StaticPass
from lumina_cli.core.inference.engine import Engine, Row
from lumina_cli.core.model.kernels.decoder import Decoder
from lumina_cli.core.model.kernels.fast import FAST
from lumina_cli.core.model.kernels.interface import REFERENCE, Kernels
from lumina_cli.core.model.kv_cache import CacheWindow
from lumina_cli.core.model.transformer import Transformer, build_model
from tests.unit.core.inference.replay import (
    T_MAX,
    Operation,
    V,
    assert_same,
    operations,
    replay,
    tiny_model,
    uncached,
)


def rows_reading(engine: Engine, *texts: Sequence[int]) -> list[Row]:
    rows = [engine.admit() for _ in texts]
    for row, text in zip(rows, texts, strict=True):
        engine.prefill(row, text)
    return rows


def assert_whole(engine: Engine) -> None:
    """All rows go on as what they say they have read, in slots side by side."""
    assert [row.slot for row in engine.rows] == list(range(len(engine.rows)))
    for number, row in enumerate(engine.rows):
        text = [*row.ids, 3 + number]
        if len(text) <= engine.seq_length:
            assert_same(engine.decode([row], text[-1:]), uncached(engine.model, text))


class Played(StaticPass):
    """Stands for a recorded pass where there is no GPU, and counts how often it is played."""

    times = 0

    def __call__(self, idx: Tensor, starts: Sequence[int]) -> Tensor:
        Played.times += 1
        return super().__call__(idx, starts)


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> type[Played]:
    """A device whose passes are worth recording."""
    monkeypatch.setattr(cuda_graphs, "can_record", lambda device: True)
    monkeypatch.setattr(cuda_graphs, "RecordedPass", Played)
    monkeypatch.setattr(Played, "times", 0)
    return Played


@pytest.fixture
def ids_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many ids each pass of the model computed, in all rows."""
    counts: list[int] = []
    hidden = Decoder.hidden

    def counted(self: Decoder, idx: Tensor, cache: CacheWindow) -> Tensor:
        counts.append(idx.numel())
        return hidden(self, idx, cache)

    monkeypatch.setattr(Decoder, "hidden", counted)
    return counts


def test_reading_gives_the_logits_of_the_whole_text(model: Transformer) -> None:
    text, engine = range(260, 270), Engine(model)
    assert_same(engine.prefill(engine.admit(), text), uncached(model, text))


def test_each_more_id_gives_the_logits_of_the_longer_text(model: Transformer) -> None:
    engine, text = Engine(model), [1, 262, 263]
    [row] = rows_reading(engine, text)
    for new in [264, 265, 7, 8]:
        text.append(new)
        assert_same(engine.decode([row], [new]), uncached(model, text))
        assert row.ids == text


def test_a_common_beginning_is_read_once(model: Transformer, ids_read: list[int]) -> None:
    engine = Engine(model)
    [row] = rows_reading(engine, [1, 262, 263, 264])
    logits = engine.prefill(row, [1, 262, 263, 264, 265, 266])
    assert ids_read == [4, 2]
    assert_same(logits, uncached(model, [1, 262, 263, 264, 265, 266]))


def test_where_texts_part_reading_goes_on_from_there(
    model: Transformer, ids_read: list[int]
) -> None:
    engine = Engine(model)
    [row] = rows_reading(engine, [1, 262, 263, 264])
    logits = engine.prefill(row, [1, 262, 270, 264])
    assert ids_read == [4, 2]
    assert_same(logits, uncached(model, [1, 262, 270, 264]))


def test_the_same_text_again_reads_its_last_id(model: Transformer, ids_read: list[int]) -> None:
    engine = Engine(model)
    row = engine.admit()
    first = engine.prefill(row, [1, 262, 263])
    assert engine.begin(row, [1, 262, 263]) == [263]
    assert_same(engine.prefill(row, [1, 262, 263]), first)
    assert ids_read == [3, 1]


def test_the_beginning_of_what_was_read_reads_its_last_id(
    model: Transformer, ids_read: list[int]
) -> None:
    engine = Engine(model)
    [row] = rows_reading(engine, [1, 262, 263, 264])
    assert_same(engine.prefill(row, [1, 262]), uncached(model, [1, 262]))
    assert ids_read == [4, 1]
    assert row.ids == [1, 262]


def test_of_a_prompt_beyond_the_context_the_newest_part_is_read(model: Transformer) -> None:
    engine, text = Engine(model), [262 + n % 9 for n in range(50)]
    [row] = rows_reading(engine, text)
    assert row.ids == text[-32:]
    assert engine.free_positions(row) == 0


@pytest.mark.parametrize("seq_length", [32, 11, 8])
def test_a_full_context_goes_on_with_its_later_half(model: Transformer, seq_length: int) -> None:
    config = model.config.model_copy(update={"seq_length": seq_length})
    generator = torch.Generator().manual_seed(0)
    model = build_model(config, vocab_size=model.vocab_size, generator=generator).eval()
    text, engine = [262 + n % 9 for n in range(seq_length)], Engine(model)
    [row] = rows_reading(engine, text)
    logits = engine.decode([row], [270])
    length = seq_length - seq_length // 2
    assert row.ids == [*text, 270][-length:]
    assert row.num_slides == 1
    assert_same(logits, uncached(model, [*text, 270][-length:]))


def test_memory_stays_the_same_however_long_the_text(model: Transformer) -> None:
    engine = Engine(model)
    [row] = rows_reading(engine, [1])
    before = engine.backend.cache.stored.data_ptr()
    for n in range(5 * model.config.seq_length):
        engine.decode([row], [262 + n % 9])
    assert engine.backend.cache.stored.data_ptr() == before
    assert len(row.ids) <= model.config.seq_length
    assert row.num_slides > 5


def test_rows_of_one_length_are_read_in_one_pass(model: Transformer, ids_read: list[int]) -> None:
    engine, texts = Engine(model, num_rows=2), ([1, 262, 263], [1, 264, 265])
    rows = [engine.admit(), engine.admit()]
    assert_same(engine.forward(list(zip(rows, texts, strict=True))), uncached(model, *texts))
    assert ids_read == [6]


def test_rows_of_any_lengths_share_a_pass(model: Transformer, ids_read: list[int]) -> None:
    """A shorter row reads its last id again, at the same place."""
    engine = Engine(model, num_rows=3)
    rows = rows_reading(engine, [1], [1, 262, 263], range(262, 271))
    ids_read.clear()
    logits = engine.decode(rows, [264, 265, 266])
    texts = [1, 264], [1, 262, 263, 265], [*range(262, 271), 266]
    assert_same(logits, uncached(model, *texts))
    more = [[267, 268, 269], [270], [262, 263]]
    logits = engine.forward(list(zip(rows, more, strict=True)))
    longer = [[*text, *new] for text, new in zip(texts, more, strict=True)]
    assert_same(logits, uncached(model, *longer))
    assert ids_read == [3, 9]
    assert [row.ids for row in rows] == longer


def test_a_row_that_becomes_full_beside_one_that_reads_much(model: Transformer) -> None:
    engine = Engine(model, num_rows=2)
    nearly_full = [262 + n % 7 for n in range(31)]
    rows = rows_reading(engine, nearly_full, [1, 264])
    more = [262 + n % 5 for n in range(20)]
    logits = engine.forward([(rows[0], [270]), (rows[1], more)])
    assert_same(logits, uncached(model, [*nearly_full, 270], [1, 264, *more]))
    # The full one slides, the other goes on.
    logits = engine.decode(rows, [1, 2])
    later = [*nearly_full, 270, 1][-16:]
    assert_same(logits, uncached(model, later, [1, 264, *more, 2]))
    assert [row.num_slides for row in rows] == [1, 0]


def test_rows_whose_slots_lie_apart_take_a_pass_each_in_any_order(
    model: Transformer, ids_read: list[int]
) -> None:
    engine = Engine(model, num_rows=4)
    texts = [[1, 262], [1, 263, 264], [1, 265], [1, 266, 267, 268]]
    rows = rows_reading(engine, *texts)
    ids_read.clear()
    logits = engine.decode([rows[3], rows[0], rows[2]], [5, 6, 7])
    assert_same(logits, uncached(model, [*texts[3], 5], [*texts[0], 6], [*texts[2], 7]))
    assert ids_read == [1, 2]
    assert rows[1].ids == texts[1]


def test_a_released_row_leaves_no_gap_and_the_others_as_they_are(model: Transformer) -> None:
    engine = Engine(model, num_rows=4)
    texts = [[1, 262], [1, 263, 264], [1, 265], [1, 266, 267, 268]]
    rows = rows_reading(engine, *texts)
    engine.release(rows[1])
    assert engine.rows == [rows[0], rows[3], rows[2]]
    assert [row.slot for row in engine.rows] == [0, 1, 2]
    assert [row.ids for row in engine.rows] == [texts[0], texts[3], texts[2]]
    assert_whole(engine)
    for row in list(engine.rows):
        engine.release(row)
        assert_whole(engine)
    assert engine.rows == []


def test_a_row_in_the_middle_is_released_while_the_last_is_being_read(model: Transformer) -> None:
    engine, prompt = Engine(model, num_rows=3), [262 + n % 9 for n in range(20)]
    rows = rows_reading(engine, [1, 262], [1, 263])
    rows.append(engine.admit())
    unread = engine.begin(rows[2], prompt)
    engine.forward([(rows[2], unread[:7])])
    engine.release(rows[0])
    logits = engine.forward([(rows[2], unread[7:]), (rows[1], [264])])
    assert_same(logits, uncached(model, prompt, [1, 263, 264]))


def test_the_cache_grows_with_the_rows(model: Transformer) -> None:
    engine = Engine(model)
    texts = [[1, *range(262, 263 + n)] for n in range(7)]
    rows = rows_reading(engine, *texts)
    assert engine.backend.num_slots == 8
    logits = engine.decode(rows, [270] * 7)
    assert_same(logits, uncached(model, *([*text, 270] for text in texts)))


def test_a_prompt_begins_with_what_another_row_has_read_of_it(
    model: Transformer, ids_read: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEAST_SHARED", 4)
    engine, prompt = Engine(model), [1, 262, 263, 264, 265, 266]
    [other, longer] = rows_reading(engine, prompt[:3], [*prompt[:5], 270])
    ids_read.clear()
    row = engine.admit(prompt)
    assert row.ids == prompt[:5]
    assert_same(engine.prefill(row, prompt), uncached(model, prompt))
    assert ids_read == [1]
    engine.release(longer)  # what was copied is the row's own
    engine.decode([other], [7])
    assert_whole(engine)


def test_less_in_common_is_read_anew(model: Transformer, ids_read: list[int]) -> None:
    engine, prompt = Engine(model), [262 + n % 9 for n in range(32)]
    rows_reading(engine, prompt[:31])
    row = engine.admit(prompt)
    assert row.ids == []
    engine.prefill(row, prompt)
    assert ids_read == [31, 32]
    same = engine.admit(prompt)  # 32 in common are copied
    assert same.ids == prompt
    assert_same(engine.prefill(same, prompt), uncached(model, prompt))
    assert ids_read == [31, 32, 1]


def test_beams_go_on_from_their_parents(model: Transformer) -> None:
    engine = Engine(model, num_rows=3)
    rows = rows_reading(engine, [1, 262], [1, 263], [1, 264])
    engine.reorder([2, 2, 0])
    assert [row.ids for row in rows] == [[1, 264], [1, 264], [1, 262]]
    logits = engine.decode(rows, [265, 266, 267])
    assert_same(logits, uncached(model, [1, 264, 265], [1, 264, 266], [1, 262, 267]))


def test_rows_of_beams_that_died_stay_whole(model: Transformer) -> None:
    engine = Engine(model, num_rows=3)
    rows = rows_reading(engine, [1, 262], [1, 263], [1, 264])
    engine.reorder([2])
    assert [row.ids for row in rows] == [[1, 264], [1, 263], [1, 264]]
    logits = engine.decode(rows[:1], [265])
    assert_same(logits, uncached(model, [1, 264, 265]))
    engine.reorder([0, 0, 0])  # and they can live again
    assert_whole(engine)


def test_draft_tokens_are_read_at_once_and_forgotten_where_they_are_wrong(
    model: Transformer,
) -> None:
    engine, draft_tokens = Engine(model), [263, 264, 265, 266, 267, 268, 269, 270]
    [row] = rows_reading(engine, [1, 262])
    logits = engine.verify(row, draft_tokens)
    texts = [[1, 262, *draft_tokens[: place + 1]] for place in range(8)]
    assert_same(logits, uncached(model, *texts))
    engine.truncate(row, 4)
    assert_same(engine.decode([row], [7]), uncached(model, [1, 262, 263, 264, 7]))


def test_more_draft_tokens_than_there_is_room_for_are_a_mistake(
    model: Transformer, recording: type[Played]
) -> None:
    engine = Engine(model)
    [row] = rows_reading(engine, [1])
    for _ in range(RECORD_AFTER + 1):
        engine.decode([row], [262])
    with pytest.raises(AssertionError):
        engine.verify(row, [262] * (engine.free_positions(row) + 1))
    assert_whole(engine)


def test_a_text_that_all_rows_begin_with_is_read_once(
    model: Transformer, ids_read: list[int]
) -> None:
    engine, prompt = Engine(model, num_rows=3), [1, 262, 263, 264]
    rows = rows_reading(engine, prompt)
    rows += [engine.fork(rows[0]), engine.fork(rows[0])]
    assert ids_read == [4]
    logits = engine.decode(rows, [265, 266, 267])
    assert_same(logits, uncached(model, *([*prompt, last] for last in (265, 266, 267))))
    assert ids_read == [4, 3]
    for row, last in zip(rows, (263, 268, 269), strict=True):
        engine.prefill(row, [1, 262, last])
    assert ids_read == [4, 3, 1, 1, 1]  # two are known in all rows, and what follows differs


def test_recomputing_keeps_nothing_and_is_the_same_to_the_last_bit(
    model: Transformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(model, num_rows=2)
    rows = rows_reading(engine, [1, 262, 263], [1, 264, 265])
    logits = engine.recompute(rows[1].ids).run()
    assert_same(logits, uncached(model, [1, 264, 265]))
    assert_same(engine.recompute(rows[0].ids[:2]).run(), uncached(model, [1, 262]))
    assert [row.ids for row in rows] == [[1, 262, 263], [1, 264, 265]]
    assert_whole(engine)
    alone = Engine(model)
    [row] = rows_reading(alone, [1])
    alone.verify(row, [264, 265])
    assert torch.equal(alone.recompute(row.ids).run(), logits)


@pytest.mark.parametrize("length", [1, 4, 5, 10, 12])
def test_recomputing_goes_on_chunk_by_chunk(
    model: Transformer, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RECOMPUTE_CHUNK", 5)
    engine = Engine(model)
    [row] = rows_reading(engine, [262 + n % 9 for n in range(length)])
    text = list(row.ids)
    recompute = engine.recompute(row.ids)
    for _ in range((length - 1) // 5):
        assert recompute.step() is None
        engine.decode([row], [262])  # others go on, even the row itself
    logits = recompute.step()
    assert logits is not None
    assert_same(logits, uncached(model, text))


def test_a_fork_goes_its_own_way(model: Transformer) -> None:
    engine = Engine(model)
    [row] = rows_reading(engine, [1, 262, 263])
    other = engine.fork(row)
    assert_same(engine.decode([other], [270]), uncached(model, [1, 262, 263, 270]))
    assert_same(engine.decode([row], [264]), uncached(model, [1, 262, 263, 264]))


def test_no_weights_are_copied(model: Transformer, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[torch.nn.Parameter] = []
    monkeypatch.setattr(
        torch.nn.Parameter, "__deepcopy__", lambda weight, _: copied.append(weight) or weight
    )
    before = [parameter.data_ptr() for parameter in model.parameters()]
    engine = Engine(model)
    [row] = rows_reading(engine, [1, 262, 263])
    engine.fork(row)
    assert not copied
    assert [parameter.data_ptr() for parameter in engine.model.parameters()] == before


@pytest.mark.parametrize("kernels", [FAST, REFERENCE], ids=["fast", "reference"])
@pytest.mark.parametrize("positions", ["sinusoidal", "rotary"])
@settings(max_examples=25)
@given(done=operations)
def test_rows_side_by_side_are_what_each_is_alone_whatever_is_done(
    positions: str, kernels: Kernels, done: list[Operation]
) -> None:
    model = tiny_model(positions, kernels)
    replay(model, Engine(model), done)


def test_what_is_read_often_is_recorded_and_reads_the_same(
    model: Transformer, recording: type[Played]
) -> None:
    engine, text = Engine(model), [1, 262, 263]
    [row] = rows_reading(engine, text)
    for number in range(RECORD_AFTER + 5):
        text.append(264 + number % 4)
        assert_same(engine.decode([row], text[-1:]), uncached(model, text))
    assert recording.times == 5
    engine.truncate(row, 7)
    assert_same(engine.decode([row], [9]), uncached(model, [*text[:7], 9]))
    assert recording.times == 6


def test_rows_of_different_lengths_are_recorded_together(
    model: Transformer, recording: type[Played]
) -> None:
    engine, texts = Engine(model, num_rows=2), [[1], [1, 262, 263, 264]]
    rows = rows_reading(engine, *texts)
    for number in range(RECORD_AFTER + 5):
        for text in texts:
            text.append(264 + number % 4)
        logits = engine.decode(rows, [text[-1] for text in texts])
        assert_same(logits, uncached(model, *texts))
    assert recording.times == 5


def test_once_one_pass_is_recorded_one_over_draft_tokens_is_at_once(
    model: Transformer, recording: type[Played]
) -> None:
    """So the first ones that are timed take as long as all others will."""
    engine, text = Engine(model), [1, 262]
    [row] = rows_reading(engine, text)
    engine.verify(row, [263, 264])
    engine.truncate(row, len(text))
    assert recording.times == 0
    for _ in range(RECORD_AFTER + 1):
        text.append(265)
        engine.decode([row], [265])
    assert recording.times == 1
    logits = engine.verify(row, [263, 264])
    assert recording.times == 2
    assert_same(logits[-1:], uncached(model, [*text, 263, 264]))


def test_long_passes_and_those_of_mixed_lengths_are_not_recorded(
    model: Transformer, recording: type[Played]
) -> None:
    engine = Engine(model, num_rows=2)
    rows = rows_reading(engine, [1, 262], [1, 263])
    for _ in range(RECORD_AFTER + 1):
        engine.decode(rows, [264, 265])
    assert recording.times == 1
    engine.verify(rows[0], [262] * (MOST_IDS + 1))
    engine.forward([(rows[0], [262, 263]), (rows[1], [264])])
    assert recording.times == 1
    assert_whole(engine)


def test_other_rows_have_passes_of_their_own_and_none_is_left_when_the_cache_grows(
    model: Transformer, recording: type[Played]
) -> None:
    engine = Engine(model, num_rows=2)
    rows = rows_reading(engine, [1, 262], [1, 263])
    for _ in range(RECORD_AFTER + 1):
        engine.decode(rows, [264, 265])
    assert recording.times == 1
    engine.decode(rows[1:], [267])
    assert recording.times == 2
    texts = [list(row.ids) for row in rows]
    fork = engine.fork(rows[0])  # there is no slot left for it
    logits = engine.decode([rows[0], rows[1], fork], [266, 266, 268])
    assert recording.times == 2
    expected = [*texts[0], 266], [*texts[1], 266], [*texts[0], 268]
    assert_same(logits, uncached(model, *expected))


def test_where_recording_fails_all_is_computed_as_ever(
    model: Transformer, recording: type[Played], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def fails(*_: object) -> StaticPass:
        tried.append(1)
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(cuda_graphs, "RecordedPass", fails)
    engine, text = Engine(model), [1]
    [row] = rows_reading(engine, text)
    for number in range(RECORD_AFTER + 3):
        text.append(264 + number % 4)
        assert_same(engine.decode([row], text[-1:]), uncached(model, text))
    assert len(tried) == 1  # and nothing is recorded any more


class InterruptedAfter(TorchFunctionMode):
    """Stands for Ctrl+C behind one of torch's operations."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.left = number

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: object,
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        found = func(*args, **(kwargs or {}))
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        return found


FULL = [n % V for n in range(T_MAX)]

INTERRUPTED: dict[str, Callable[[Engine, list[Row]], object]] = {
    "prefill": lambda engine, rows: engine.prefill(rows[0], [1, 2, 9, 10]),
    "decode": lambda engine, rows: engine.decode(rows[:2], [8, 9]),
    "decode, sliding": lambda engine, rows: engine.decode(rows, [8, 9, 7]),
    "verify": lambda engine, rows: engine.verify(rows[1], [7, 8, 9]),
    "admit": lambda engine, rows: engine.admit([*FULL[:10], 9]),
    "fork": lambda engine, rows: engine.fork(rows[2]),
    "release": lambda engine, rows: engine.release(rows[0]),
    "reorder": lambda engine, rows: engine.reorder([1, 0]),
}


@pytest.mark.parametrize("what", INTERRUPTED)
def test_an_interruption_between_any_two_operations_leaves_all_rows_whole(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEAST_SHARED", 3)
    model, num_interrupted = tiny_model("rotary"), 0
    for number in range(10_000):
        engine = Engine(model, num_rows=3)
        rows = rows_reading(engine, [1, 2, 3, 4], [5, 6, 7, 8], FULL)
        try:
            with InterruptedAfter(number):
                INTERRUPTED[what](engine, rows)
        except KeyboardInterrupt:
            num_interrupted += 1
            assert_whole(engine)
        else:
            break
    assert num_interrupted > 0
    assert_whole(engine)


def test_a_model_in_training_mode_is_a_programmers_mistake(model: Transformer) -> None:
    model.train()
    try:
        engine = Engine(model)
        with pytest.raises(AssertionError, match="eval"):
            engine.prefill(engine.admit(), [1])
    finally:
        model.eval()
