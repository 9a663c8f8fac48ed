"""How long windows are over a run."""

import pytest

from lumina_cli.core.training.schedule.window_length import window_length


@pytest.mark.parametrize(
    ("first", "last", "lengths"),
    [
        (None, 128, [128, 128, 128, 128]),
        (32, 128, [32, 32, 64, 128]),
        (16, 128, [16, 32, 64, 128]),
        (48, 128, [48, 48, 96, 128]),
        (128, 128, [128, 128, 128, 128]),
        (200, 128, [128, 128, 128, 128]),
    ],
)
def test_windows_double_in_equal_stages(first: int | None, last: int, lengths: list[int]) -> None:
    progress = (0.0, 0.3, 0.6, 0.9)
    assert [window_length(p, first=first, last=last) for p in progress] == lengths
    assert window_length(1.0, first=first, last=last) == last
