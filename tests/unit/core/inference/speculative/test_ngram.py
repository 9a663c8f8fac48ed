"""Statistics of characters: what followed most often, by the longest context that knows better."""

import numpy as np
import pytest

from lumina_cli.core.inference.speculative import ngram as ngram_module
from lumina_cli.core.inference.speculative.ngram import MAX_ORDER, NgramProposer, build_ngram_table

RNG = np.random.default_rng(0)


def guesses_after(table: np.ndarray | None, ids: list[int], *, num_ids: int = 7) -> list[int]:
    proposer = NgramProposer(table)
    proposer.learn(ids)
    return proposer.propose(num_ids=num_ids)


def test_a_text_that_repeats_is_guessed_on() -> None:
    cycle = list(range(300, 320))
    table = build_ngram_table(np.array(cycle * 10), max_bytes=10_000)
    assert guesses_after(table, cycle[:8]) == cycle[8:15]


def test_a_longer_context_decides_where_a_shorter_one_is_wrong() -> None:
    """After 2 comes 3, but after 9, 2 comes 4."""
    noise = RNG.integers(20, 40, (400, 6))
    pairs = [[1, 2, 3] if n % 3 else [9, 2, 4] for n in range(400)]
    text = np.concatenate([[*rest, *pair] for rest, pair in zip(noise, pairs, strict=True)])
    table = build_ngram_table(text, max_bytes=100_000)
    assert guesses_after(table, [30, 31, 1, 2], num_ids=1) == [3]
    assert guesses_after(table, [30, 31, 9, 2], num_ids=1) == [4]
    assert guesses_after(table, [30, 31, 7, 2], num_ids=1) == [3]


def test_the_likeliest_id_of_every_context_is_found_by_counting() -> None:
    """Against counting by hand, where there is room for everything."""
    text = RNG.choice(4, 3_000, p=[0.5, 0.3, 0.15, 0.05]) + 262
    table = build_ngram_table(text, max_bytes=1 << 20)
    counts = np.zeros((4, 4), dtype=int)
    np.add.at(counts, (text[MAX_ORDER - 1 : -1] - 262, text[MAX_ORDER:] - 262), 1)
    for last in range(4):
        assert guesses_after(table, [262 + last], num_ids=1) == [262 + counts[last].argmax()]


def test_a_small_table_keeps_what_gains_most() -> None:
    often, rarely = [300, 301, 302, 303], [310, 311, 312, 313]
    table = build_ngram_table(np.array((often * 50 + rarely * 2) * 5), max_bytes=16)
    assert table.nbytes <= 16
    assert table[:, 1].any()
    assert set(table[:, 1].tolist()) <= {0, *often}


def test_it_is_a_pure_function_of_the_ids() -> None:
    text = RNG.integers(262, 290, 5_000)
    one, other = (build_ngram_table(text.copy(), max_bytes=8_000) for _ in range(2))
    assert np.array_equal(one, other)
    assert one.nbytes <= 8_000
    assert one[:, 1].max() < 290


def test_too_short_a_text_has_no_statistics() -> None:
    for length in range(MAX_ORDER + 1):
        assert not len(build_ngram_table(np.full(length, 270), max_bytes=1_000))
    assert len(build_ngram_table(np.tile([270, 271], 20), max_bytes=1_000))


def test_what_was_said_is_learnt() -> None:
    proposer = NgramProposer()
    proposer.learn([*range(300, 330), 1, 2, *range(300, 310)])
    assert proposer.propose(num_ids=7) == list(range(310, 317))


def test_what_stands_in_another_place_is_not_joined() -> None:
    proposer = NgramProposer()
    proposer.learn(range(300, 310))
    proposer.forget_place()
    proposer.learn([1, 2])
    assert proposer.propose(num_ids=3) == [2, 2, 2]  # nothing is known: anything will do


def test_many_ids_at_once_are_learnt_as_one_by_one() -> None:
    ids = np.random.default_rng(1).integers(0, 60_000, 90).tolist()
    at_once, one_by_one = NgramProposer(), NgramProposer()
    at_once.learn(ids)
    for id_ in ids:
        one_by_one.learn([id_])
    assert at_once._seen == one_by_one._seen
    assert at_once._last == one_by_one._last == ids[-MAX_ORDER:]


def test_contexts_of_the_text_and_of_the_table_have_the_same_hashes() -> None:
    ids = np.random.default_rng(1).integers(0, 60_000, 30)
    for order in range(1, MAX_ORDER + 1):
        at_once = ngram_module._context_hashes(ids.astype(np.uint64), order=order).tolist()
        for place, hashed in enumerate(at_once, start=MAX_ORDER):
            before = ids[place - MAX_ORDER : place].tolist()
            assert ngram_module._hashes(before)[order - 1] == hashed


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ngram_module, "MAX_SEEN", 500)
    proposer = NgramProposer()
    for start in range(0, 10_000, 40):
        proposer.learn(range(start, start + 40))
        assert len(proposer._seen) <= 500
