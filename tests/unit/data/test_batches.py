"""Windows and batches."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.data.batches import (
    Batch,
    EpochBatches,
    Replay,
    cut_windows,
    have_loss,
    spread_batches,
    steps_of_text,
    steps_per_epoch,
    validation_batches,
    window_starts,
)
from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.tokenizer.characters import CharacterTokenizer

FIRST_ID = 10


def counting_text(num_ids: int) -> TokenDataset:
    """A text in which each id stands once, from FIRST_ID on, and all of it counts."""
    pairs = 2 * np.arange(FIRST_ID, FIRST_ID + num_ids, dtype=np.int32) + 1
    return TokenDataset(np.arange(num_ids, dtype="<u4"), pairs, CharacterTokenizer(""))


def epoch(text: TokenDataset, *, seed: int = 0, number: int = 0, size: int = 4) -> list[Batch]:
    batches = EpochBatches(text, seq_length=8, batch_size=size, seed=seed, epoch=number)
    return [batches[index] for index in range(len(batches))]


def targets_of(batches: list[Batch]) -> list[int]:
    return [id_ for batch in batches for id_ in batch.targets[batch.in_loss].tolist()]


@given(num_ids=st.integers(0, 200), seq_length=st.integers(1, 40), data=st.data())
def test_every_id_but_the_first_is_a_target_exactly_once(
    num_ids: int, seq_length: int, data: st.DataObject
) -> None:
    offset = data.draw(st.integers(0, seq_length - 1))
    starts = window_starts(num_ids, seq_length, offset=offset)
    batch = cut_windows(counting_text(num_ids), starts, seq_length=seq_length)
    expected = range(FIRST_ID + 1, FIRST_ID + num_ids)
    assert Counter(targets_of([batch])) == Counter(expected)


@given(
    num_ids=st.integers(2, 300),
    seq_length=st.integers(1, 40),
    batch_size=st.integers(1, 9),
    seed=st.integers(0, 2**63 - 1),
    number=st.integers(0, 1000),
)
def test_an_epoch_is_one_pass_over_the_text(
    num_ids: int, seq_length: int, batch_size: int, seed: int, number: int
) -> None:
    batches = EpochBatches(
        counting_text(num_ids),
        seq_length=seq_length,
        batch_size=batch_size,
        seed=seed,
        epoch=number,
    )
    seen = targets_of([batches[index] for index in range(len(batches))])
    assert sorted(seen) == list(range(FIRST_ID + 1, FIRST_ID + num_ids))


def test_a_target_is_the_id_after_its_input() -> None:
    for batch in epoch(counting_text(100)):
        after = batch.inputs[batch.in_loss] + 1
        assert (batch.targets[batch.in_loss] == after).all()


def test_padding_never_counts_and_stands_only_at_the_end() -> None:
    for batch in epoch(counting_text(100)):
        is_padding = batch.targets == 0
        assert not (is_padding & batch.in_loss).any()
        assert (np.sort(is_padding, axis=1) == is_padding).all()


def test_the_mask_of_the_text_is_that_of_the_targets() -> None:
    pairs = np.array([2 * 20, 2 * 21 + 1, 2 * 22, 2 * 23 + 1], dtype=np.int32)
    text = TokenDataset(np.arange(4, dtype=np.uint8), pairs, CharacterTokenizer(""))
    batch = cut_windows(text, np.array([0]), seq_length=3)
    assert batch.targets.tolist() == [[21, 22, 23]]
    assert batch.in_loss.tolist() == [[True, False, True]]
    assert batch.num_in_loss == 2


def test_a_window_longer_than_the_text_is_padded() -> None:
    batch = cut_windows(counting_text(3), np.array([0]), seq_length=5)
    assert batch.inputs.tolist() == [[10, 11, 12, 0, 0]]
    assert batch.targets.tolist() == [[11, 12, 0, 0, 0]]
    assert batch.num_ids == 3


def test_a_batch_is_a_pure_function_of_seed_epoch_and_index() -> None:
    text = counting_text(200)
    batches = EpochBatches(text, seq_length=8, batch_size=4, seed=5, epoch=2)
    late_first = [batches[index].inputs.tolist() for index in reversed(range(len(batches)))]
    assert late_first[::-1] == [b.inputs.tolist() for b in epoch(text, seed=5, number=2)]


@pytest.mark.parametrize(("seed", "number"), [(0, 1), (1, 0)])
def test_another_epoch_or_seed_brings_another_order(seed: int, number: int) -> None:
    text = counting_text(200)
    assert targets_of(epoch(text)) != targets_of(epoch(text, seed=seed, number=number))


def test_windows_begin_elsewhere_from_epoch_to_epoch() -> None:
    text = counting_text(200)
    begins = {
        tuple(sorted(id_ for b in epoch(text, number=n) for id_ in b.inputs[:, 0].tolist()))
        for n in range(10)
    }
    assert len(begins) > 3


def test_windows_are_shuffled() -> None:
    targets = targets_of(epoch(counting_text(200)))
    assert targets != sorted(targets)


def test_the_last_batch_of_an_epoch_may_be_smaller() -> None:
    sizes = [len(batch.inputs) for batch in epoch(counting_text(8 * 10), size=4)]
    assert all(size == 4 for size in sizes[:-1])
    assert 1 <= sizes[-1] <= 4


def test_rows_of_a_batch_are_its_windows() -> None:
    batch = epoch(counting_text(100))[0]
    assert batch.rows(1, 3).inputs.tolist() == batch.inputs[1:3].tolist()
    assert batch.rows(1, 3).targets.tolist() == batch.targets[1:3].tolist()
    assert batch.rows(3, 99).in_loss.shape == (1, 8)


def test_steps_of_an_epoch_by_hand() -> None:
    # 100 ids have 99 targets: 13 windows of 8, in batches of 4 that is 4 steps.
    assert steps_per_epoch(100, seq_length=8, batch_size=4) == 4
    assert steps_per_epoch(97, seq_length=8, batch_size=4) == 3
    assert steps_per_epoch(2, seq_length=512, batch_size=16) == 1


def validate(num_ids: int, *, max_chars: int | None = None) -> list[Batch]:
    text = counting_text(num_ids)
    return list(validation_batches(text, seq_length=8, batch_size=4, max_chars=max_chars))


@given(num_ids=st.integers(0, 300))
def test_validation_reads_each_target_once_and_in_order(num_ids: int) -> None:
    assert targets_of(validate(num_ids)) == list(range(FIRST_ID + 1, FIRST_ID + num_ids))


def test_validation_windows_are_always_the_same() -> None:
    assert targets_of(validate(500, max_chars=100)) == targets_of(validate(500, max_chars=100))


@given(num_ids=st.integers(100, 2000), max_chars=st.integers(1, 2500))
def test_a_long_validation_text_is_sampled_evenly_and_without_overlap(
    num_ids: int, max_chars: int
) -> None:
    batches = validate(num_ids, max_chars=max_chars)
    seen = targets_of(batches)
    assert len(set(seen)) == len(seen)
    assert len(seen) <= max(max_chars, 8)
    begins = [row[0] for batch in batches for row in batch.inputs.tolist()]
    gaps = np.diff(begins)
    assert len(gaps) == 0 or max(gaps) - min(gaps) <= 8


def test_a_sample_of_the_validation_text_reaches_from_its_start_to_its_end() -> None:
    batches = validate(801, max_chars=80)
    begins = [row[0] for batch in batches for row in batch.inputs.tolist()]
    assert (begins[0], begins[-1]) == (FIRST_ID, FIRST_ID + 792)
    assert len(begins) == 10


def masked_text(num_ids: int, counting: set[int]) -> TokenDataset:
    """A text like `counting_text`, of which only some positions count."""
    mask = np.array([at in counting for at in range(num_ids)], dtype=np.int32)
    pairs = 2 * np.arange(FIRST_ID, FIRST_ID + num_ids, dtype=np.int32) + mask
    return TokenDataset(np.arange(num_ids, dtype="<u4"), pairs, CharacterTokenizer(""))


@given(
    num_ids=st.integers(0, 120),
    seq_length=st.integers(1, 30),
    counting=st.sets(st.integers(0, 119)),
    data=st.data(),
)
def test_windows_with_a_target_that_counts_are_told_from_those_without(
    num_ids: int, seq_length: int, counting: set[int], data: st.DataObject
) -> None:
    text = masked_text(num_ids, counting)
    offset = data.draw(st.integers(0, seq_length - 1))
    starts = window_starts(num_ids, seq_length, offset=offset)
    one_by_one = [
        bool(cut_windows(text, starts[at : at + 1], seq_length=seq_length).in_loss.any())
        for at in range(len(starts))
    ]
    assert have_loss(text, seq_length=seq_length, offset=offset).tolist() == one_by_one


@given(
    num_ids=st.integers(2, 120),
    seq_length=st.integers(1, 30),
    counting=st.sets(st.integers(1, 119), min_size=1),
    number=st.integers(0, 50),
)
def test_the_order_of_windows_is_that_of_a_permutation_of_their_starts(
    num_ids: int, seq_length: int, counting: set[int], number: int
) -> None:
    text = masked_text(num_ids, counting)
    rng = np.random.default_rng([7, number])
    starts = window_starts(num_ids, seq_length, offset=int(rng.integers(seq_length)))
    batches = [
        cut_windows(text, starts[at : at + 1], seq_length=seq_length)
        for at in rng.permutation(len(starts)).tolist()
    ]
    expected = [batch.targets.tolist() for batch in batches if batch.in_loss.any()]
    found = EpochBatches(text, seq_length=seq_length, batch_size=1, seed=7, epoch=number)
    assert [found[index].targets.tolist() for index in range(len(found))] == expected


@given(counting=st.sets(st.integers(1, 199), min_size=1), number=st.integers(0, 50))
def test_no_batch_is_without_loss(counting: set[int], number: int) -> None:
    text = masked_text(200, counting)
    batches = epoch(text, number=number, size=1)
    assert all(batch.num_in_loss for batch in batches)
    assert sorted(targets_of(batches)) == sorted(FIRST_ID + at for at in counting)


def test_steps_are_counted_without_windows_in_which_nothing_counts() -> None:
    text = masked_text(81, {3, 5, 70})
    assert steps_of_text(text, seq_length=8, batch_size=1) == 2
    assert steps_of_text(counting_text(81), seq_length=8, batch_size=4) == 3
    assert steps_of_text(
        counting_text(81), seq_length=8, batch_size=4, replay=Replay((text,), 0.5)
    ) == 5  # fmt: skip


OLD = TokenDataset(
    np.arange(400, dtype="<u4"),
    2 * np.arange(1000, 1400, dtype=np.int32) + 1,
    CharacterTokenizer(""),
)  # ids that the new text does not have


def mixed(
    *, share: float = 0.25, number: int = 0, old: TokenDataset = OLD, size: int = 4
) -> list[Batch]:
    batches = EpochBatches(
        counting_text(241),
        seq_length=8,
        batch_size=size,
        seed=3,
        epoch=number,
        replay=Replay((old,), share),
    )
    return [batches[index] for index in range(len(batches))]


def from_old(batch: Batch) -> list[bool]:
    return [int(row.max()) >= 1000 for row in batch.targets]


@pytest.mark.parametrize(("share", "num_old"), [(0.25, 10), (0.5, 30), (0.9, 270), (0.0, 0)])
def test_an_epoch_repeats_a_share_of_the_old_text(share: float, num_old: int) -> None:
    batches = mixed(share=share)
    windows = [is_old for batch in batches for is_old in from_old(batch)]
    assert len(windows) - sum(windows) in (30, 31)  # 240 targets in windows of 8
    assert sum(windows) == pytest.approx(num_old, rel=0.04)
    new = [target for target in targets_of(batches) if target < 1000]
    assert sorted(new) == list(range(FIRST_ID + 1, FIRST_ID + 241))


def test_old_and_new_windows_stand_side_by_side() -> None:
    assert sum(0 < sum(from_old(batch)) < len(batch.inputs) for batch in mixed(share=0.5)) > 10


def test_what_is_repeated_depends_on_the_epoch_and_nothing_else() -> None:
    for one, again in zip(mixed(number=2), mixed(number=2), strict=True):
        assert (one.inputs == again.inputs).all()
    assert sorted(targets_of(mixed(number=2))) != sorted(targets_of(mixed(number=3)))


def test_no_old_window_comes_twice_before_all_have_come_once() -> None:
    short = replace(OLD, codes=OLD.codes[:33])  # four or five windows
    counts = Counter(t for t in targets_of(mixed(share=0.5, old=short)) if t >= 1000)
    assert len(counts) == 32
    assert max(counts.values()) - min(counts.values()) <= 1


def test_an_old_text_without_windows_is_passed_over() -> None:
    nothing = replace(OLD, codes=OLD.codes[:0])
    assert not any(any(from_old(batch)) for batch in mixed(old=nothing))


def test_several_texts_are_measured_in_equal_parts() -> None:
    batches = spread_batches([counting_text(801), OLD], seq_length=8, batch_size=4, max_chars=160)
    rows = [is_old for batch in batches for is_old in from_old(batch)]
    assert (len(rows), sum(rows)) == (20, 10)
