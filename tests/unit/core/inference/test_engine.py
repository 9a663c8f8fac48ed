"""What was read is not read again, and nothing changes by that."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from lumina_cli.core.inference import cuda_graphs as recorded
from lumina_cli.core.inference import engine as module
from lumina_cli.core.inference.cuda_graphs import FixedPass
from lumina_cli.core.inference.engine import RECORD_AFTER, Engine, engine_of_one_text
from lumina_cli.core.model.kernels.decoder import WIDE, Decoder
from lumina_cli.core.model.kv_cache import KVCache
from lumina_cli.core.model.transformer import Transformer


def ids(*values: int) -> Tensor:
    return torch.tensor([values])


def uncached(model: Transformer, idx: Tensor) -> Tensor:
    with torch.inference_mode():
        return model(idx)[:, -1]


class Played(FixedPass):
    """Stands for a recorded pass where there is no GPU, and counts how often it is played."""

    times = 0

    def __call__(self, idx: Tensor) -> Tensor:
        Played.times += 1
        return super().__call__(idx)


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> type[Played]:
    """A device whose passes are worth recording."""
    monkeypatch.setattr(module, "can_record", lambda device: not recorded._has_failed)
    monkeypatch.setattr(recorded, "_has_failed", False)
    monkeypatch.setattr(module, "RecordedPass", Played)
    monkeypatch.setattr(Played, "times", 0)
    return Played


@pytest.fixture
def positions_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many positions each pass of the model computed."""
    counts: list[int] = []
    hidden = Decoder.hidden

    def counted(self: Decoder, idx: Tensor, *, cache: KVCache) -> Tensor:
        counts.append(idx.size(1))
        return hidden(self, idx, cache=cache)

    monkeypatch.setattr(Decoder, "hidden", counted)
    return counts


@pytest.mark.parametrize(("is_guessing", "expected"), [(False, (1,)), (True, (1, WIDE))])
def test_one_text_is_read_id_by_id_and_where_guesses_are_checked_by_eights_as_well(
    model: Transformer, monkeypatch: pytest.MonkeyPatch, is_guessing: bool, expected: tuple[int]
) -> None:
    prepared_for: list[Sequence[int]] = []
    monkeypatch.setattr(
        module, "Decoder", lambda _, *, rows: prepared_for.append(rows) or Decoder(model)
    )
    engine_of_one_text(model, is_guessing=is_guessing)
    assert prepared_for == [expected]


def test_reading_gives_the_logits_of_the_whole_text(model: Transformer) -> None:
    text = ids(*range(260, 270))
    torch.testing.assert_close(Engine(model).read(text), uncached(model, text))


def test_appending_gives_the_logits_of_the_longer_text(model: Transformer) -> None:
    reader = Engine(model)
    reader.read(ids(1, 262, 263))
    for length, new in enumerate([264, 265, 7, 8], start=1):
        logits = reader.append(torch.tensor([new]))
        text = ids(1, 262, 263, *[264, 265, 7, 8][:length])
        torch.testing.assert_close(logits, uncached(model, text))


def test_a_common_beginning_is_read_once(model: Transformer, positions_read: list[int]) -> None:
    reader = Engine(model)
    reader.read(ids(1, 262, 263, 264))
    logits = reader.read(ids(1, 262, 263, 264, 265, 266))
    assert positions_read == [4, 2]
    torch.testing.assert_close(logits, uncached(model, ids(1, 262, 263, 264, 265, 266)))


def test_where_texts_part_reading_goes_on_from_there(
    model: Transformer, positions_read: list[int]
) -> None:
    reader = Engine(model)
    reader.read(ids(1, 262, 263, 264))
    logits = reader.read(ids(1, 262, 270, 264))
    assert positions_read == [4, 2]
    torch.testing.assert_close(logits, uncached(model, ids(1, 262, 270, 264)))


def test_the_same_text_again_reads_its_last_id(
    model: Transformer, positions_read: list[int]
) -> None:
    reader = Engine(model)
    first = reader.read(ids(1, 262, 263))
    torch.testing.assert_close(reader.read(ids(1, 262, 263)), first)
    assert positions_read == [3, 1]


def test_a_full_context_goes_on_with_its_later_half(model: Transformer) -> None:
    seq_length = model.config.seq_length
    text = [262 + n % 9 for n in range(seq_length)]
    reader = Engine(model)
    reader.read(ids(*text))
    logits = reader.append(torch.tensor([270]))
    assert reader.length == seq_length // 2
    assert reader.num_moves == 1
    later_half = ids(*text[-(seq_length // 2 - 1) :], 270)
    torch.testing.assert_close(logits, uncached(model, later_half))


def test_memory_stays_the_same_however_long_the_text(model: Transformer) -> None:
    reader = Engine(model)
    reader.read(ids(1))
    before = reader._cache._stored.data_ptr()
    for n in range(5 * model.config.seq_length):
        reader.append(torch.tensor([262 + n % 9]))
    after = reader._cache._stored.data_ptr()
    assert after == before
    assert reader.length <= model.config.seq_length


def test_rows_are_read_side_by_side(model: Transformer) -> None:
    texts = torch.tensor([[1, 262, 263], [1, 264, 265]])
    torch.testing.assert_close(Engine(model, batch_size=2).read(texts), uncached(model, texts))


def test_rows_go_on_from_the_rows_selected(model: Transformer) -> None:
    reader = Engine(model, batch_size=3)
    reader.read(torch.tensor([[1, 262], [1, 263], [1, 264]]))
    reader.select(torch.tensor([2, 2, 0]))
    logits = reader.append(torch.tensor([265, 266, 267]))
    expected = uncached(model, torch.tensor([[1, 264, 265], [1, 264, 266], [1, 262, 267]]))
    torch.testing.assert_close(logits, expected)
    assert reader.num_common(ids(1, 264)) == 1  # the third row has read something else


def test_guesses_are_read_at_once_and_forgotten_where_they_are_wrong(model: Transformer) -> None:
    reader = engine_of_one_text(model, is_guessing=True)
    reader.read(ids(1, 262))
    guessed = [263, 264, 265, 266, 267, 268, 269, 270]
    logits = reader.append_guesses(guessed)
    for place in range(8):
        expected = uncached(model, ids(1, 262, *guessed[: place + 1]))
        torch.testing.assert_close(logits[place : place + 1], expected, rtol=1e-4, atol=1e-4)
    reader.truncate(4)
    torch.testing.assert_close(
        reader.append(torch.tensor([7])), uncached(model, ids(1, 262, 263, 264, 7))
    )


@pytest.mark.parametrize("num_rows", [1, 3])
def test_a_text_that_all_rows_begin_with_is_read_once(
    model: Transformer, monkeypatch: pytest.MonkeyPatch, num_rows: int
) -> None:
    num_read: list[int] = []
    hidden = Decoder.hidden

    def counted(self: Decoder, idx: Tensor, *, cache: KVCache) -> Tensor:
        num_read.append(idx.numel())
        return hidden(self, idx, cache=cache)

    monkeypatch.setattr(Decoder, "hidden", counted)
    reader = Engine(model, batch_size=3)
    logits = reader.read(ids(1, 262, 263, 264).expand(num_rows, -1))
    torch.testing.assert_close(logits, uncached(model, ids(1, 262, 263, 264)).expand(3, -1))
    assert num_read == [4]
    logits = reader.append(torch.tensor([265, 266, 267]))
    after = [ids(1, 262, 263, 264, last) for last in (265, 266, 267)]
    torch.testing.assert_close(logits, uncached(model, torch.cat(after)))
    reader.read(torch.cat([ids(1, 262, last) for last in (263, 268, 269)]))
    assert num_read == [4, 3, 3]  # two are known in all rows, and what follows differs


def test_a_text_that_goes_on_in_one_way_is_read_behind_what_is_known(model: Transformer) -> None:
    reader = Engine(model, batch_size=3)
    reader.read(ids(1, 262))
    logits = reader.read(ids(1, 262, 263, 264))
    torch.testing.assert_close(logits, uncached(model, ids(1, 262, 263, 264)).expand(3, -1))
    torch.testing.assert_close(reader.read_anew(row=2), logits[2:])


def test_reading_anew_keeps_nothing(model: Transformer) -> None:
    reader = Engine(model, batch_size=2)
    reader.read(torch.tensor([[1, 262, 263], [1, 264, 265]]))
    torch.testing.assert_close(reader.read_anew(row=1), uncached(model, ids(1, 264, 265)))
    torch.testing.assert_close(reader.read_anew(length=2), uncached(model, ids(1, 262)))
    assert reader.length == 3


@pytest.mark.parametrize("rows", [(), (1, 8)])
def test_a_fork_goes_its_own_way_and_copies_no_weights(
    model: Transformer, monkeypatch: pytest.MonkeyPatch, rows: tuple[int, ...]
) -> None:
    reader = Engine(model, decoder=Decoder(model, rows=rows))
    reader.read(ids(1, 262, 263))
    copied: list[torch.nn.Parameter] = []
    monkeypatch.setattr(
        torch.nn.Parameter, "__deepcopy__", lambda weight, _: copied.append(weight) or weight
    )
    other = reader.fork()
    assert not copied
    torch.testing.assert_close(
        other.append(torch.tensor([270])), uncached(model, ids(1, 262, 263, 270))
    )
    torch.testing.assert_close(
        reader.append(torch.tensor([264])), uncached(model, ids(1, 262, 263, 264))
    )


def test_what_is_read_often_is_recorded_and_reads_the_same(
    model: Transformer, recording: type[Played]
) -> None:
    reader, text = Engine(model), [1, 262, 263]
    reader.read(ids(*text))
    for number in range(RECORD_AFTER + 5):
        text.append(264 + number % 4)
        logits = reader.append(torch.tensor(text[-1:]))
        torch.testing.assert_close(logits, uncached(model, ids(*text)), rtol=1e-4, atol=1e-4)
    assert recording.times == 5
    reader.truncate(7)
    assert reader.append(torch.tensor([9])).shape == (1, model.vocab_size)
    assert recording.times == 6


def test_once_one_pass_is_recorded_one_over_guesses_is_at_once(
    model: Transformer, recording: type[Played]
) -> None:
    """So the first ones that are timed take as long as all others will."""
    reader, text = Engine(model), [1, 262]
    reader.read(ids(*text))
    reader.append_guesses([263, 264])
    reader.truncate(len(text))
    assert recording.times == 0
    for _ in range(RECORD_AFTER + 1):
        text.append(265)
        reader.append(torch.tensor(text[-1:]))
    assert recording.times == 1
    logits = reader.append_guesses([263, 264])
    assert recording.times == 2
    expected = uncached(model, ids(*text, 263, 264))
    torch.testing.assert_close(logits[-1:], expected, rtol=1e-4, atol=1e-4)


def test_fewer_rows_and_a_fork_have_nothing_recorded_of_their_own_yet(
    model: Transformer, recording: type[Played]
) -> None:
    reader = Engine(model, batch_size=2)
    reader.read(torch.tensor([[1, 262], [1, 263]]))
    for _ in range(RECORD_AFTER + 1):
        reader.append(torch.tensor([264, 265]))
    fork = reader.fork()
    fork.append(torch.tensor([266, 266]))
    assert recording.times == 1
    reader.select(torch.tensor([1]))
    logits = reader.append(torch.tensor([267]))
    assert recording.times == 1
    text = [1, 263, *[265] * (RECORD_AFTER + 1), 267]
    torch.testing.assert_close(logits, uncached(model, ids(*text)), rtol=1e-4, atol=1e-4)


def test_where_recording_fails_all_is_computed_as_ever(
    model: Transformer, recording: type[Played], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> FixedPass:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(module, "RecordedPass", fails)
    reader, text = Engine(model), [1]
    reader.read(ids(*text))
    for number in range(RECORD_AFTER + 3):
        text.append(264 + number % 4)
        logits = reader.append(torch.tensor(text[-1:]))
        torch.testing.assert_close(logits, uncached(model, ids(*text)), rtol=1e-4, atol=1e-4)
    assert recorded._has_failed  # and nothing is recorded any more


def test_an_interrupted_reading_leaves_the_reader_whole(
    model: Transformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Engine(model)
    reader.read(ids(1, 262, 263))

    def interrupted(x: Tensor) -> Tensor:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(reader._decoder, "_last_norm", interrupted)
        with pytest.raises(KeyboardInterrupt):
            reader.read(ids(1, 262, 265, 266))
    text = ids(1, 262, 263, 267)
    torch.testing.assert_close(reader.read(text), uncached(model, text))


def test_a_model_in_training_mode_is_a_programmers_mistake(model: Transformer) -> None:
    model.train()
    try:
        with pytest.raises(AssertionError, match="eval"):
            Engine(model).read(ids(1))
    finally:
        model.eval()
