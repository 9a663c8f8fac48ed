"""Shared stretches, against looking at every place."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.look.source.code_points import CodePoints, code_points
from lumina_cli.look.source.search import (
    Run,
    Stretches,
    longest_spans,
    rolling_hashes,
    shared_runs,
)

texts = st.text(alphabet="abc", max_size=30)


def by_looking(asked: str, long: str, k: int) -> set[Run]:
    """All stretches that go on on neither side, found by looking at each pair of places."""
    runs = set()
    for a in range(len(asked)):
        for b in range(len(long)):
            if a and b and asked[a - 1] == long[b - 1]:
                continue
            length = 0
            while a + length < len(asked) and b + length < len(long):
                if asked[a + length] != long[b + length]:
                    break
                length += 1
            if length >= k:
                runs.add(Run(a, b, length))
    return runs


@given(texts, texts, st.integers(1, 5))
def test_shared_runs_are_those_found_by_looking(asked: str, long: str, k: int) -> None:
    if len(asked) < k:
        return
    points = code_points(long)
    found = shared_runs(code_points(asked), points, k=k, num_own=len(points))
    assert set(found) == by_looking(asked, long, k)


@given(texts, st.integers(1, 12))
def test_equal_stretches_have_equal_hashes_and_others_others(text: str, k: int) -> None:
    hashes = rolling_hashes(code_points(text), k).tolist()
    stretches = [text[n : n + k] for n in range(len(text) - k + 1)]
    assert len(hashes) == len(stretches)
    assert len(set(zip(hashes, stretches, strict=True))) == len(set(stretches)) == len(set(hashes))


@given(texts, texts, st.integers(1, 4))
def test_what_is_covered_stands_in_some_stretch_that_was_met(asked: str, long: str, k: int) -> None:
    if len(asked) < k:
        return
    stretches = Stretches([code_points("cccc" * 3), code_points(asked)], k)
    points: CodePoints = code_points(long)
    stretches.meet(points, num_own=len(points))
    expected = np.zeros(len(asked), dtype=bool)
    for n in range(len(asked) - k + 1):
        if asked[n : n + k] in long:
            expected[n : n + k] = True
    np.testing.assert_array_equal(stretches.covered(1), expected)


def test_a_span_within_a_longer_one_is_not_told() -> None:
    runs = [Run(0, 5, 4), Run(2, 90, 6), Run(3, 7, 2), Run(2, 40, 3), Run(9, 1, 3)]
    assert longest_spans(runs) == [(0, 4), (2, 8), (9, 12)]
